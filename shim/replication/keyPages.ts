// Goes through a region's keys page by page, each when it is asked for, so that other clients get their turns: those that are
// there, then those that have a journal. Of such a key newer commands may have failed, or left nothing, and do otherwise
// once what was there before them is overwritten.

import type { Redis } from "ioredis";
import { JOURNAL } from "./journalScript";

/** Some of the keys; one that is there and has a journal comes twice. */
export interface KeyPage {
  readonly keys: readonly Buffer[];
  readonly last: boolean;
}

/** Where SCAN begins, and what it answers at its end. */
const START = "0";

// SELECT inside a script ends with it.
const SCAN_RECORDS = `
redis.call('SELECT', 1)
return redis.call('SCAN', unpack(ARGV))
`;

/**
 * All keys that match a pattern.
 *
 * @param cluster - a connection to database 0.
 * @param count - about how many are looked at for a page.
 */
export async function* keyPages(cluster: Redis, pattern: Buffer, count: number): AsyncGenerator<KeyPage> {
  const ofJournals = Buffer.concat([Buffer.from(JOURNAL), pattern]);
  const present = (cursor: string) => cluster.callBuffer("SCAN", cursor, "MATCH", pattern, "COUNT", count);
  const recorded = (cursor: string) =>
    cluster.callBuffer("EVAL", SCAN_RECORDS, 0, cursor, "MATCH", ofJournals, "COUNT", count);
  for (const read of [present, recorded]) {
    let cursor = START;
    do {
      const [next, names] = (await read(cursor)) as [Buffer, Buffer[]];
      cursor = next.toString();
      const keys = read === present ? names : names.map((name) => name.subarray(JOURNAL.length));
      yield { keys, last: read === recorded && cursor === START };
    } while (cursor !== START);
  }
}
