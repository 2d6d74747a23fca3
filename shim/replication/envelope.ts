// Envelopes: one bus message holding a batch of one shim's commands, in the order of their stamps. What opens without an
// error is exactly what was sealed; the header is authenticated along with the body.
//
//   text   = base64url(header, sealed, tag 16)          SNS form-encodes the `+/=` of plain base64
//   header = version 1, flags 1, key id 1, nonce 12     bytes; version 2 where there are messages, else 1
//   sealed = AES-256-GCM(body, or brotli(body) where flag 1 is set)
//   body   = region length, region, origin 4, then until the end, command after command:
//            ms since the command before, counter (of the same millisecond: its excess over the next one),
//            number of arguments, then each argument's length and bytes
//   Lengths and numbers are LEB128 varints.

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { Scratch } from "../buffers";
import { NEWEST_ENVELOPE_VERSION } from "../contract";
import { BodyReader } from "./bodyReader";
import type { EncodedCommand } from "./encodedCommand";
import type { Segment } from "./segment";
import type { Stamp } from "./stamp";
import { varintBytes, writeVarint } from "./varint";

/** A command as it is replayed: `args[0]` is its name in upper case, nothing in it depends on when or where. */
export interface StampedCommand {
  readonly stamp: Stamp;
  readonly args: readonly Buffer[];
}

/** What one bus message carries. */
export interface Envelope {
  readonly region: string;
  readonly origin: number;
  /** Oldest first. */
  readonly commands: Iterable<StampedCommand>;
}

/** An envelope whose body has been gone through: its commands can be read without an error, as often as one likes. */
export interface OpenedEnvelope extends Envelope {
  readonly oldest: Stamp | undefined;
  readonly newest: Stamp | undefined;
}

/** A key of AES-256-GCM, and the name by which envelopes refer to it. */
export interface EnvelopeKey {
  /** 0 to 255. */
  readonly id: number;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** Why an envelope could not be opened. */
export type EnvelopeFault = "version" | "key" | "truncated" | "tampered" | "malformed";

/** Thrown by {@link EnvelopeCodec.open}. */
export class EnvelopeError extends Error {
  readonly fault: EnvelopeFault;

  constructor(fault: EnvelopeFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EnvelopeError";
    this.fault = fault;
  }
}

const BROTLI_FLAG = 1;
const HEADER_BYTES = 15;
const TAG_BYTES = 16;
/** Below this brotli's own frame eats what it saves. */
const COMPRESS_FROM_BYTES = 128;
/** Pieces of a larger body that tell whether it can be compressed at all: images and archives cannot. */
const SAMPLES = 4;
const SAMPLE_BYTES = 2 * 1024;
/** The largest message that SNS and SQS take: no honest body is larger. */
const BODY_MAX_BYTES = 1 << 20;

/** How many bytes of commands fit into an envelope of `region` whose text has at most `maxBytes`. */
export function commandsCapacity(region: string, maxBytes: number): number {
  const bodyBytes = Math.floor((Math.min(maxBytes, (BODY_MAX_BYTES * 4) / 3) * 3) / 4) - HEADER_BYTES - TAG_BYTES;
  return bodyBytes - varintBytes(Buffer.byteLength(region)) - Buffer.byteLength(region) - 4;
}

/** What goes before the commands. */
function bodyHead(region: string, origin: number): Buffer {
  const name = Buffer.from(region);
  const head = Buffer.alloc(varintBytes(name.length) + name.length + 4);
  const at = writeVarint(head, name.length, 0);
  head.set(name, at);
  head.writeUInt32BE(origin, at + name.length);
  return head;
}

function compress(bytes: Buffer): Buffer {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
}

/** Where any of the pieces can be, all of them together become smaller. */
function isCompressible(body: Buffer): boolean {
  if (body.length < 2 * SAMPLES * SAMPLE_BYTES) return body.length >= COMPRESS_FROM_BYTES;
  const step = Math.floor(body.length / SAMPLES);
  const pieces = Array.from({ length: SAMPLES }, (_, index) =>
    body.subarray(index * step, index * step + SAMPLE_BYTES),
  );
  return compress(Buffer.concat(pieces)).length < SAMPLES * SAMPLE_BYTES;
}

function decodeBody(body: Buffer): OpenedEnvelope {
  const reader = new BodyReader(body, 0);
  try {
    const region = reader.bytes().toString();
    const origin = reader.uint32();
    const start = reader.position;
    let oldest: EncodedCommand | undefined;
    let newest: EncodedCommand | undefined;
    for (const command of reader.commands(origin)) {
      oldest ??= command;
      newest = command;
    }
    // Made anew as they are wanted: all at once they would be more than the garbage collector gets rid of in passing.
    const commands = { [Symbol.iterator]: () => new BodyReader(body, start).commands(origin) };
    return { region, origin, commands, oldest: oldest?.stamp, newest: newest?.stamp };
  } catch (cause) {
    throw new EnvelopeError("malformed", `the envelope's body cannot be read: ${String(cause)}`, { cause });
  }
}

/** Seals envelopes with the first of its keys, and opens what any of them has sealed. */
export class EnvelopeCodec {
  private readonly keys: ReadonlyMap<number, Buffer>;
  private readonly sealing: EnvelopeKey;
  private readonly body = new Scratch();
  /** Of a whole envelope. */
  private readonly bytes = new Scratch();

  constructor(keys: readonly [EnvelopeKey, ...EnvelopeKey[]]) {
    this.keys = new Map(keys.map(({ id, key }) => [id, key]));
    this.sealing = keys[0];
  }

  /** The text of one bus message. */
  seal(region: string, commands: Segment): string {
    const plain = this.body.join(bodyHead(region, commands.origin), commands.encoded());
    const packed = isCompressible(plain) ? compress(plain) : plain;
    const compressed = packed.length < plain.length;
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUInt8(commands.version, 0);
    header.writeUInt8(compressed ? BROTLI_FLAG : 0, 1);
    header.writeUInt8(this.sealing.id, 2);
    const nonce = randomBytes(12);
    nonce.copy(header, 3);
    const cipher = createCipheriv("aes-256-gcm", this.sealing.key, nonce);
    cipher.setAAD(header);
    const sealed = [cipher.update(compressed ? packed : plain), cipher.final(), cipher.getAuthTag()];
    return this.bytes.join(header, ...sealed).toString("base64url");
  }

  /** @throws EnvelopeError where the text is not exactly what somebody with one of the keys has sealed. */
  open(text: string): OpenedEnvelope {
    const room = this.bytes.take(text.length);
    const bytes = room.subarray(0, room.write(text, "base64url"));
    if (bytes.length < HEADER_BYTES + TAG_BYTES) {
      throw new EnvelopeError("truncated", `an envelope of ${bytes.length} bytes is shorter than its header and tag`);
    }
    const header = bytes.subarray(0, HEADER_BYTES);
    const version = header.readUInt8(0);
    if (version < 1 || version > NEWEST_ENVELOPE_VERSION || header.readUInt8(1) > BROTLI_FLAG) {
      throw new EnvelopeError("version", `version ${version} (flags ${header[1]}) cannot be read: upgrade this shim`);
    }
    const id = header.readUInt8(2);
    const key = this.keys.get(id);
    if (key === undefined) {
      throw new EnvelopeError("key", `sealed with key ${id}, which this shim does not have: add that key`);
    }
    const decipher = createDecipheriv("aes-256-gcm", key, header.subarray(3), { authTagLength: TAG_BYTES });
    decipher.setAAD(header);
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const body = decipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES));
    try {
      decipher.final();
    } catch (cause) {
      throw new EnvelopeError("tampered", "the envelope was cut short or changed after it was sealed", { cause });
    }
    return decodeBody(header.readUInt8(1) === BROTLI_FLAG ? this.unpack(body) : body);
  }

  private unpack(body: Buffer): Buffer {
    try {
      return brotliDecompressSync(body, { maxOutputLength: BODY_MAX_BYTES });
    } catch (cause) {
      throw new EnvelopeError("malformed", "the envelope's body cannot be decompressed", { cause });
    }
  }
}
