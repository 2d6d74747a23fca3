// What a typed reply takes from the command's own words: numbers as Redis reads and writes them, the options that are
// given, and a stream entry's ID. Whatever the words are, what comes of them is well-formed.
import { encodeBulk, type Protocol } from "../resp/encoder";
import { isInteger } from "./integer";

/** What an answer may take from an argument: its length, and its text where it is no large one. */
export interface Word {
  readonly length: number;
  toString(encoding: "latin1"): string;
}

/** A word as a whole number. @param otherwise - where Redis would not take it for one. */
export function wholeNumber(word: Word | undefined, otherwise = 0n): bigint {
  const text = word?.toString("latin1") ?? "";
  return isInteger(text) ? BigInt(text) : otherwise;
}

/** An integer reply; 0 for what is beyond 64 bits, where Redis has an error. */
export function encodeInteger(value: bigint | number): Buffer {
  const integer = BigInt(value);
  return Buffer.from(`:${BigInt.asIntN(64, integer) === integer ? integer : 0n}\r\n`);
}

/** A word as C's strtod reads it, on which Redis relies; 0 where there is nothing to read, and for NaN, which it refuses. */
export function float(word: Word | undefined): number {
  const number = /^([+-]?)(inf(?:inity)?|0x[\da-f]+|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)$/i;
  const [, sign, digits = "0"] = number.exec(word?.toString("latin1") ?? "") ?? [];
  const endless = /^i/i.test(digits);
  const size = endless ? Number.POSITIVE_INFINITY : Number(digits);
  if (!endless && !Number.isFinite(size)) return 0;
  return sign === "-" ? -size : size;
}

/** A double, which RESP2 has as a bulk string. */
export function encodeDouble(value: number, protocol: Protocol): Buffer {
  const text = String(value).replace("Infinity", "inf");
  return protocol === 3 ? Buffer.from(`,${text}\r\n`) : encodeBulk(Buffer.from(text));
}

/** A number as INCRBYFLOAT writes it: without an exponent, with 17 digits behind the point; 0 for infinity, its error. */
export function decimal(value: number): string {
  if (!Number.isFinite(value) || Math.abs(value) < 5e-18) return "0";
  if (Math.abs(value) >= 1e21) return String(BigInt(value));
  const text = String(value);
  return text.includes("e") ? value.toFixed(17).replace(/\.?0+$/, "") : text;
}

/** How many arguments of their own a command's options have, by their names. */
export type Options = ReadonlyMap<string, number>;

/** @param text - the options' names, behind each that has arguments a colon and their number. */
export function options(text: string): Options {
  return new Map(text.split(" ").map((option) => [option.replace(/:.*/, ""), Number(option.split(":")[1] ?? 0)]));
}

/** The options from an index on up to the first word that is none, and where that is. */
export function readOptions(words: readonly Word[], from: number, known: Options) {
  const given = new Map<string, number>();
  let end = from;
  for (;;) {
    const name = upperCase(words[end]);
    const size = known.get(name);
    if (size === undefined) return { given, end };
    given.set(name, end);
    // What streams are trimmed to may have a sign in front.
    if (/^(MAXLEN|MINID)$/.test(name) && /^[=~]$/.test(upperCase(words[end + 1]))) end += 1;
    end += 1 + size;
  }
}

export function upperCase(word: Word | undefined): string {
  return word?.toString("latin1").toUpperCase() ?? "";
}

/** The ID that is given, as in a stream that did not exist, or else a new one. */
export function streamId(word: Word | undefined): Buffer {
  const [, ms = Date.now(), sequence = 0] =
    /^(\d{1,20})(?:-(?:(\d{1,20})|\*))?$/.exec(word?.toString("latin1") ?? "") ?? [];
  return encodeBulk(Buffer.from(`${BigInt(ms)}-${BigInt(sequence)}`));
}
