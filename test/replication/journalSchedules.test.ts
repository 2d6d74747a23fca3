// Whatever the order in which commands come, they end as the same commands run in the order of their stamps.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { randomCommand } from "../../chaos/commands";
import { smallKeys as keys } from "../../chaos/keys";
import { contents, fold } from "../../chaos/model";
import { Random } from "../../chaos/random";
import { ConnectedServer } from "../support/connectedServer";
import { ReplayedRegion } from "../support/replayedRegion";
import { describeWithServer, serverWithFieldExpiries } from "../support/servers";

const SCHEDULES = 40;
const COMMANDS = 40;

describeWithServer("replay in any order", () => {
  const here = new ReplayedRegion();
  let region: Redis;
  let server: ConnectedServer;
  let model: Redis;

  beforeAll(async () => {
    server = await ConnectedServer.start(serverWithFieldExpiries());
    model = server.connect();
    ({ region } = here);
  });

  afterAll(() => server.close());

  /** Mostly about fields that expire while others count on them; a server that has no such fields takes what it knows. */
  function commandOnFields(random: Random): string {
    const field = random.pick(["a", "b", "c"]);
    return random.pick([
      `HPEXPIRE key1 ${1 + random.below(150)} FIELDS 1 ${field}`,
      `HPEXPIRE key1 ${1 + random.below(150)}${random.pick([" NX", " GT", " LT"])} FIELDS 3 a b c`,
      `HSETEX key1 PX ${1 + random.below(150)} FIELDS 1 ${field} 5`,
      `HGETEX key1 PX ${1 + random.below(150)} FIELDS 1 ${field}`,
      `HPERSIST key1 FIELDS 1 ${field}`,
      `HINCRBY key1 ${field} 1`,
      `HINCRBY key1 ${field} 10`,
      `HDEL key1 ${field}`,
      `HSET key1 ${field} 3`,
      `PEXPIRE key1 ${1 + random.below(300)}`,
    ]);
  }

  /** Mostly about IDs of entries that follow on what is there. */
  function commandOnEntries(random: Random): string {
    const later = `99999999999999-${random.pick(["1", "3", "18446744073709551613"])}`;
    return random.pick([
      ...["XADD key5 * f v", "XADD key5 MINID ~ 7 * f w", "XADD key5 NOMKSTREAM * f x", "XADD key5 7-* f v"],
      ...[`XADD key5 ${later} f v`, `XSETID key5 ${later}`, "XTRIM key5 MAXLEN 4", "DEL key5"],
      ...["XADD key5 99999999999999-* f v", "PEXPIRE key5 200"],
    ]);
  }

  it.each([
    ["all kinds", randomCommand],
    ["entries of streams", commandOnEntries],
    ["fields of hashes", commandOnFields],
  ])(`equals the commands run in the order of their stamps: %s, ${SCHEDULES} random schedules`, async (_, draw) => {
    const known = new Set(((await model.call("COMMAND", "LIST")) as string[]).map((name) => name.toUpperCase()));
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      const random = new Random(seed);
      await here.wipe();
      // The last expiries are reached while commands are still replayed.
      here.startMs = Date.now() - 2060;
      const lines = Array.from({ length: COMMANDS }, () => draw(random, known));
      const commands = lines
        .filter((line) => known.has(line.split(" ", 1).join()))
        .map((line) => {
          const stamp = { ms: here.startMs + random.below(2000), counter: random.below(3), origin: random.below(9999) };
          return here.stamped(stamp, line);
        });
      const shims = [here.newReplayer(), here.newReplayer()];
      const order = random.shuffle([...commands, ...commands.filter(() => random.chance(0.5))]);
      while (order.length > 0) {
        const outcome = await random.pick(shims).apply(order.splice(0, 1 + random.below(5)));
        expect(outcome).toMatchObject({ transient: [], poison: [], doubts: new Map() });
      }
      await sleep(Math.max(0, here.startMs + 2130 - Date.now()));
      let [holds, should, untilMs]: [unknown, unknown, number] = [undefined, undefined, 0];
      // What has expired meanwhile may have been read in one of them and not in the other.
      while (Date.now() >= untilMs) {
        untilMs = await fold(model, commands, Date.now());
        [holds, should] = [await contents(region, keys), await contents(model, keys)];
      }
      expect({ seed, contents: holds }).toEqual({ seed, contents: should });
    }
  });
});
