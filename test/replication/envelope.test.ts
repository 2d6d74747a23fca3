import { randomBytes } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  commandsCapacity,
  type Envelope,
  EnvelopeCodec,
  EnvelopeError,
  type EnvelopeFault,
  type EnvelopeKey,
  type StampedCommand,
} from "../../shim/replication/envelope";
import { commandBytes } from "../../shim/replication/segment";
import { segmentOf } from "../support/segments";
import version1 from "./golden/envelopes-v1.json";
import version2 from "./golden/envelopes-v2.json";

const keys: readonly [EnvelopeKey, EnvelopeKey] = [
  { id: 1, key: randomBytes(32) },
  { id: 2, key: randomBytes(32) },
];
const codec = new EnvelopeCodec(keys);

function seal({ region, origin, commands }: Envelope, sealing = codec): string {
  return sealing.seal(region, segmentOf(origin, commands));
}

/** All of whose commands are there. */
type Sample = Envelope & { readonly commands: readonly StampedCommand[] };

const envelopes: fc.Arbitrary<Sample> = fc
  .record({
    region: fc.stringMatching(/^[a-z]{2}-[a-z]+-\d$/),
    origin: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    startMs: fc.integer({ min: 1, max: 2 ** 42 }),
    commands: fc.array(
      fc.record({
        elapsedMs: fc.integer({ min: 0, max: 3 }),
        skipped: fc.integer({ min: 0, max: 400 }),
        args: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }),
      }),
      { maxLength: 20 },
    ),
  })
  .map(({ region, origin, startMs, commands }) => {
    let ms = startMs;
    let next = 0;
    return {
      region,
      origin,
      commands: commands.map(({ elapsedMs, skipped, args }) => {
        const counter = (elapsedMs === 0 ? next : 0) + skipped;
        ms += elapsedMs;
        next = counter + 1;
        return { stamp: { ms, counter, origin }, args: args.map((arg) => Buffer.from(arg)) };
      }),
    };
  });

const sample: Sample = {
  region: "eu-west-1",
  origin: 5,
  commands: [
    {
      stamp: { ms: 1_700_000_000_000, counter: 3, origin: 5 },
      args: [Buffer.from("SET"), Buffer.from("k"), randomBytes(200)],
    },
  ],
};

/** With its commands' stamps and arguments taken out of its body. */
function open(text: string, opening = codec) {
  const { region, origin, commands } = opening.open(text);
  return { region, origin, commands: [...commands].map(({ stamp, args }) => ({ stamp, args })) };
}

function faultOf(open: () => unknown): EnvelopeFault | undefined {
  try {
    open();
  } catch (error) {
    if (error instanceof EnvelopeError) return error.fault;
    throw error;
  }
  return undefined;
}

function withByte(text: string, index: number, value: number): string {
  const bytes = Buffer.from(text, "base64url");
  bytes[index] = value;
  return bytes.toString("base64url");
}

describe("envelope", () => {
  it("opens as what was sealed, whatever the bytes", () => {
    fc.assert(fc.property(envelopes, (envelope) => expect(open(seal(envelope))).toEqual(envelope)));
  });

  it("consists of characters that neither XML nor form encoding touches", () => {
    expect(seal(sample)).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it("stays within the size that its commands were counted for", () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        const bytes = envelope.commands.reduce((sum, { args }) => sum + commandBytes(args), 0);
        const text = seal(envelope);
        fc.pre(commandsCapacity(envelope.region, text.length) >= 0);
        expect(commandsCapacity(envelope.region, text.length - 4)).toBeLessThan(bytes + 4);
      }),
    );
    const args = [Buffer.from("SET"), Buffer.from("k"), Buffer.alloc(0)];
    const room = commandsCapacity(sample.region, 8192) - commandBytes(args) - 1;
    const full = {
      ...sample,
      commands: [
        { stamp: { ms: 2 ** 48 - 1, counter: 0xffff, origin: 5 }, args: [...args.slice(0, 2), randomBytes(room)] },
      ],
    };
    expect(seal(full).length).toBeLessThanOrEqual(8192);
    expect(seal(full).length).toBeGreaterThan(8100);
  });

  it("is compressed where that helps", () => {
    const command = (value: Buffer) => ({
      ...sample.commands[0]!,
      args: [Buffer.from("SET"), Buffer.from("k"), value],
    });
    expect(seal({ ...sample, commands: [command(Buffer.alloc(10_000, "abc"))] }).length).toBeLessThan(500);
    expect(seal({ ...sample, commands: [command(randomBytes(9000))] }).length).toBeLessThan(9000 * 1.34 + 100);
  });

  it("is compressed wherever in it that helps, and goes as it is where it does not", () => {
    const [texts, image] = [Buffer.alloc(80_000, "all alike "), randomBytes(20_000)];
    const sizeOf = (...args: readonly Buffer[]) => {
      const stamp = { ms: 1, counter: 0, origin: 1 };
      const text = seal({ region: "eu-west-1", origin: 1, commands: [{ stamp, args }] });
      expect([...codec.open(text).commands][0]?.args).toEqual(args);
      return (text.length * 3) / 4;
    };
    for (const args of [
      [texts, image, texts],
      [texts, image],
      [image, texts],
    ])
      expect(sizeOf(...args)).toBeLessThan(image.length + 5000);
    expect(sizeOf(randomBytes(40_000))).toBeGreaterThan(40_000);
  });

  it("is not opened when cut short anywhere", () => {
    const text = seal(sample);
    for (let length = 0; length < text.length - 1; length += 1) {
      expect(["truncated", "tampered"]).toContain(faultOf(() => codec.open(text.slice(0, length))));
    }
  });

  it("is not opened when any byte was changed, header included", () => {
    const text = seal(sample);
    const bytes = Buffer.from(text, "base64url");
    for (let index = 0; index < bytes.length; index += 1) {
      expect(faultOf(() => codec.open(withByte(text, index, bytes[index]! ^ 1)))).toBeDefined();
    }
  });

  it("says whether the version, the key or the content is wrong", () => {
    const text = seal(sample);
    expect(faultOf(() => codec.open(withByte(text, 0, 3)))).toBe("version");
    expect(faultOf(() => codec.open(withByte(text, 2, 9)))).toBe("key");
    expect(faultOf(() => codec.open(withByte(text, 40, Buffer.from(text, "base64url")[40]! ^ 1)))).toBe("tampered");
    expect(faultOf(() => codec.open("not an envelope"))).toBe("truncated");
  });

  it("is of version 2 only where it carries a message that version 1 does not have", () => {
    const version = (...names: readonly string[]) => {
      const commands = names.map((name, counter) => ({
        stamp: { ms: 1_700_000_000_000, counter, origin: 5 },
        args: [Buffer.from(name), Buffer.from("x")],
      }));
      const text = seal({ ...sample, commands });
      expect(open(text).commands.map(({ args }) => String(args[0]))).toEqual(names);
      return Buffer.from(text, "base64url")[0];
    };
    expect([version("SET", "ECHO", "FLUSHALL"), version("SET", "FLY.PURGE"), version("FLY.X")]).toEqual([1, 2, 2]);
  });

  it("is sealed with the first key and opened with any", () => {
    const rotated = new EnvelopeCodec([keys[1], keys[0]]);
    const old = new EnvelopeCodec([keys[0]]);
    expect(open(seal(sample, old), rotated)).toEqual(sample);
    expect(faultOf(() => old.open(seal(sample, rotated)))).toBe("key");
  });

  // Written once by the version that had the format first: every later one must read it.
  it.each([...version1.map((each) => ({ version: 1, ...each })), ...version2.map((each) => ({ version: 2, ...each }))])(
    "of version $version opens as it was sealed, case %#",
    ({ version, text, envelope: { region, origin, commands } }) => {
      expect(Buffer.from(text, "base64url")[0]).toBe(version);
      const opened = open(text, new EnvelopeCodec([{ id: 7, key: Buffer.alloc(32, 7) }]));
      expect(opened).toEqual({
        region,
        origin,
        commands: commands.map(({ ms, counter, args }) => ({
          stamp: { ms, counter, origin },
          args: args.map((arg) => Buffer.from(arg, "latin1")),
        })),
      });
    },
  );
});
