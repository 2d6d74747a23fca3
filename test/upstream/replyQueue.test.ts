// Replies find their way to those who asked, whatever the chunks that they come in.
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ReplyScanner } from "../../shim/resp/replyScanner";
import { failAll, ReplyQueue, trail } from "../../shim/upstream/replyQueue";
import { Sink } from "../support/sink";

const PUSH = ">1\r\n+pushed\r\n";
const replies = ["+OK\r\n", ":1\r\n", "$3\r\nfoo\r\n", "$-1\r\n", "-ERR wrong\r\n", "*2\r\n:1\r\n$1\r\nx\r\n"];

function queueOf(): { queue: ReplyQueue; events: string[] } {
  const events: string[] = [];
  const note = (name: string) => () => void events.push(name);
  const told = { large: note("large"), demoted: note("demoted"), push: note("push") };
  return { queue: new ReplyQueue(new ReplyScanner(), told), events };
}

/** Some requests of one of three sinks, in a row. */
const run = fc.record({
  sink: fc.nat(2),
  replies: fc.array(fc.constantFrom(...replies), { minLength: 1, maxLength: 4 }),
  pushed: fc.boolean(),
  answer: fc.option(fc.constantFrom("+PONG\r\n", "-ERR refused\r\n")),
});

test("each gets its own replies and the answers that trail behind them, in order; pushes are nobody's", () => {
  fc.assert(
    fc.property(fc.array(run, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 6 }), (runs, cuts) => {
      const { queue, events } = queueOf();
      const sinks = [new Sink(), new Sink(), new Sink()];
      const expected = sinks.map(() => ({ text: "", completed: 0 }));
      let sent = "";
      for (const { sink, replies, pushed, answer } of runs) {
        const entry = queue.add(sinks[sink]!, replies.length);
        if (answer !== null) trail(entry, Buffer.from(answer));
        expected[sink]!.text += replies.join("") + (answer ?? "");
        expected[sink]!.completed += replies.length;
        sent += replies.join(pushed ? PUSH : "");
      }
      const bytes = Buffer.from(sent);
      const ends = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      for (let at = 1; at < ends.length; at++) queue.distribute(bytes.subarray(ends[at - 1], ends[at]), 0);
      expect(sinks.map(({ text, completed }) => ({ text, completed }))).toEqual(expected);
      expect(queue.empty).toBe(true);
      const pushes = runs.reduce((sum, { replies, pushed }) => sum + (pushed ? replies.length - 1 : 0), 0);
      expect(events).toEqual(Array(pushes).fill("push"));
    }),
  );
});

test("who has half a reply when the lane is lost is cut off, and all others get an error for each request", () => {
  const { queue } = queueOf();
  const [half, whole] = [new Sink(), new Sink()];
  queue.add(half, 2);
  trail(queue.add(whole, 2), Buffer.from("+PONG\r\n"));
  queue.distribute(Buffer.from("+OK\r\n$3\r\nfo"), 0);
  failAll(queue.takeAll(), Buffer.from("-ERR lost\r\n"));
  expect(half).toMatchObject({ text: "+OK\r\n$3\r\nfo", cut: true });
  expect(whole).toMatchObject({ completed: 2, cut: false });
  expect(whole.text).toBe("-ERR lost\r\n-ERR lost\r\n+PONG\r\n");
  expect(queue.empty).toBe(true);
});

test("what came before bytes that are no RESP is handed out and told, and nothing of its chunk is kept", () => {
  const { queue } = queueOf();
  const [served, waiting] = [new Sink(), new Sink()];
  let flushes = 0;
  served.flush = waiting.flush = () => flushes++;
  queue.add(served, 1);
  queue.add(waiting, 2);
  expect(() => queue.distribute(Buffer.from("+1\r\n+2\r\n?"), 0)).toThrow("unknown type");
  expect([served.text, waiting.text, waiting.completed, flushes]).toEqual(["+1\r\n", "+2\r\n", 1, 2]);
});

test("a reply that is large, one of a replica, and one that nobody asked for are noticed", () => {
  const { queue, events } = queueOf();
  queue.add(new Sink(), 2);
  queue.distribute(Buffer.from("-READONLY no\r\n$70000\r\n"), 0);
  expect(events).toEqual(["demoted", "large"]);
  expect(() => queueOf().queue.distribute(Buffer.from("+OK\r\n"), 0)).toThrow("nothing had asked");
});
