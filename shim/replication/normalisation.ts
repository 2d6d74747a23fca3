// Makes an accepted command independent of when and where it runs: relative expiries become absolute, XADD's `*` becomes
// an ID, a blocking command becomes its kin that does not wait. Where that reading shows that Redis would answer an
// error, the error is Redis's own text, in Redis's own order of checks.

import {
  type Arguments,
  argument,
  CommandError,
  integer,
  MAX_INTEGER,
  MIN_INTEGER,
  SYNTAX_ERROR,
  word,
} from "./commandArguments";
import type { Stamp } from "./stamp";
import { xadd, xtrim } from "./streamNormalisation";

type Normalise = (args: Arguments, stamp: Stamp) => Arguments;
type Unit = "seconds" | "milliseconds";

/** Of one MSETEX. */
const MAX_KEYS = 2n ** 31n - 1n;

function checkTimeout(text: Buffer): void {
  const seconds = text.toString("latin1");
  if (!/^[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(seconds))
    throw new CommandError("ERR timeout is not a float or out of range");
  if (Number(seconds) < 0) throw new CommandError("ERR timeout is negative");
}

/** The instant of an expiry in milliseconds; `fromMs` is what a relative one counts from. */
function instant(text: Buffer, unit: Unit, fromMs: number, command: string): Buffer {
  const ms = integer(text) * (unit === "seconds" ? 1000n : 1n);
  if (ms > MAX_INTEGER - BigInt(fromMs) || ms < MIN_INTEGER) {
    throw new CommandError(`ERR invalid expire time in '${command}' command`);
  }
  return Buffer.from(String(ms + BigInt(fromMs)));
}

function positiveInstant(text: Buffer, unit: Unit, fromMs: number, command: string): Buffer {
  if (integer(text) <= 0n) throw new CommandError(`ERR invalid expire time in '${command}' command`);
  return instant(text, unit, fromMs, command);
}

/** The expiry options of SET, GETEX and their like. */
const expiryOptions: ReadonlyMap<string, { readonly unit: Unit; readonly relative: boolean }> = new Map([
  ["EX", { unit: "seconds", relative: true }],
  ["PX", { unit: "milliseconds", relative: true }],
  ["EXAT", { unit: "seconds", relative: false }],
  ["PXAT", { unit: "milliseconds", relative: false }],
]);

const pxat = Buffer.from("PXAT");

/** Copies options from `start` up to `end`, with any expiry among them as PXAT. `known` options stand for themselves. */
function absoluteOptions(
  args: Arguments,
  start: number,
  end: number,
  known: ReadonlySet<string>,
  command: string,
  stamp: Stamp,
) {
  const options: Buffer[] = [];
  let expiry: { readonly text: Buffer; readonly unit: Unit; readonly fromMs: number } | undefined;
  for (let index = start; index < end; index += 1) {
    const name = word(args, index);
    const option = expiryOptions.get(name);
    if (option === undefined && known.has(name)) {
      options.push(Buffer.from(name));
    } else if (option !== undefined && expiry === undefined && index + 1 < end) {
      index += 1;
      expiry = { text: argument(args, index), unit: option.unit, fromMs: option.relative ? stamp.ms : 0 };
    } else {
      throw new CommandError(SYNTAX_ERROR);
    }
  }
  const names = new Set(options.map(String));
  if (expiry !== undefined && (names.has("KEEPTTL") || names.has("PERSIST"))) throw new CommandError(SYNTAX_ERROR);
  if (expiry !== undefined) options.push(pxat, positiveInstant(expiry.text, expiry.unit, expiry.fromMs, command));
  return { options, names };
}

const setOptions = new Set(["NX", "XX", "GET", "KEEPTTL"]);
const msetexOptions = new Set(["NX", "XX", "KEEPTTL"]);
/** Redis 8.4 and Valkey 8.1: each takes a value, to which the key's is compared. */
const setComparisons = new Set(["IFEQ", "IFNE", "IFDEQ", "IFDNE"]);

function set(args: Arguments, stamp: Stamp): Arguments {
  if (args.length === 3) return args;
  const [name, key, value] = [argument(args, 0), argument(args, 1), argument(args, 2)];
  const comparison = args.findIndex((_, index) => index > 2 && setComparisons.has(word(args, index)));
  const compared = comparison < 0 ? [] : [Buffer.from(word(args, comparison)), argument(args, comparison + 1)];
  const rest = comparison < 0 ? args : args.toSpliced(comparison, 2);
  const { options, names } = absoluteOptions(rest, 3, rest.length, setOptions, "set", stamp);
  if (names.has("NX") && names.has("XX")) throw new CommandError(SYNTAX_ERROR);
  return [name, key, value, ...compared, ...options];
}

function setWithExpiry(unit: Unit): Normalise {
  return (args, stamp) => {
    const command = word(args, 0).toLowerCase();
    const expiry = positiveInstant(argument(args, 2), unit, stamp.ms, command);
    return [Buffer.from("SET"), argument(args, 1), argument(args, 3), pxat, expiry];
  };
}

function checkConditions(conditions: Arguments): void {
  const given = new Set<string>();
  for (const condition of conditions) {
    const name = condition.toString("latin1");
    if (!/^(NX|XX|GT|LT)$/i.test(name)) throw new CommandError(`ERR Unsupported option ${name}`);
    given.add(name.toUpperCase());
  }
  if (given.has("NX") && given.size > 1) {
    throw new CommandError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (given.has("GT") && given.has("LT")) {
    throw new CommandError("ERR GT and LT options at the same time are not compatible");
  }
}

/** EXPIRE and HEXPIRE with their like: the time is the second argument. */
function expire(name: "PEXPIREAT" | "HPEXPIREAT", unit: Unit, relative: boolean): Normalise {
  return (args, stamp) => {
    if (name === "PEXPIREAT") checkConditions(args.slice(3));
    const ms = instant(argument(args, 2), unit, relative ? stamp.ms : 0, word(args, 0).toLowerCase());
    return [Buffer.from(name), argument(args, 1), ms, ...args.slice(3)];
  };
}

/** GETEX, and HGETEX and HSETEX, whose options end at FIELDS. */
function optionsUntil(end: string | undefined, known: ReadonlySet<string>): Normalise {
  return (args, stamp) => {
    const found = args.findIndex((_, index) => index > 1 && word(args, index) === end);
    const last = found < 0 ? args.length : found;
    const command = word(args, 0).toLowerCase();
    const { options } = absoluteOptions(args, 2, last, known, command, stamp);
    return [argument(args, 0), argument(args, 1), ...options, ...args.slice(last)];
  };
}

function msetex(args: Arguments, stamp: Stamp): Arguments {
  const keys = integer(argument(args, 1), "ERR invalid numkeys value");
  if (keys < 1n || keys > MAX_KEYS) throw new CommandError("ERR invalid numkeys value");
  const end = 2 + 2 * Number(keys);
  if (end > args.length) throw new CommandError("ERR wrong number of key-value pairs");
  const { options, names } = absoluteOptions(args, end, args.length, msetexOptions, "msetex", stamp);
  if (names.has("NX") && names.has("XX")) throw new CommandError(SYNTAX_ERROR);
  return [...args.slice(0, end), ...options];
}

/** Each takes a value. */
const increxValues = new Set(["BYINT", "BYFLOAT", "LBOUND", "UBOUND"]);
/** The conditions are Valkey's. */
const increxOptions = new Set(["SATURATE", "ENX", "PERSIST", "NX", "XX"]);

function increx(args: Arguments, stamp: Stamp): Arguments {
  const values: Buffer[] = [];
  const rest: Buffer[] = [];
  for (let index = 2; index < args.length; index += 1) {
    const name = word(args, index);
    if (increxValues.has(name)) {
      index += 1;
      values.push(Buffer.from(name), argument(args, index));
    } else {
      rest.push(argument(args, index));
    }
  }
  const { options } = absoluteOptions(rest, 0, rest.length, increxOptions, "increx", stamp);
  return [...args.slice(0, 2), ...values, ...options];
}

function restore(args: Arguments, stamp: Stamp): Arguments {
  const options: Buffer[] = [];
  let absolute = false;
  for (let index = 4; index < args.length; index += 1) {
    const option = word(args, index);
    const value = args[index + 1];
    if (option === "ABSTTL") {
      absolute = true;
    } else if (option === "REPLACE") {
      options.push(Buffer.from(option));
    } else if ((option === "IDLETIME" || option === "FREQ") && value !== undefined) {
      const number = integer(value);
      if (option === "IDLETIME" && number < 0n) throw new CommandError("ERR Invalid IDLETIME value, must be >= 0");
      if (option === "FREQ" && (number < 0n || number > 255n)) {
        throw new CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
      options.push(Buffer.from(option), value);
      index += 1;
    } else {
      throw new CommandError(SYNTAX_ERROR);
    }
  }
  const ttl = integer(argument(args, 2));
  if (ttl < 0n) throw new CommandError("ERR Invalid TTL value, must be >= 0");
  const ms = ttl === 0n || absolute ? ttl : ttl + BigInt(stamp.ms);
  const lead = [argument(args, 0), argument(args, 1), Buffer.from(String(ms)), argument(args, 3)];
  return [...lead, Buffer.from("ABSTTL"), ...options];
}

/** MSET and MSETNX: as many values as keys. */
function pairs(args: Arguments): Arguments {
  if (args.length % 2 === 0) {
    throw new CommandError(`ERR wrong number of arguments for '${word(args, 0).toLowerCase()}' command`);
  }
  return args;
}

/** Clients' database 1 is the cluster's database 0. */
function copy(args: Arguments): Arguments {
  const kept = args.slice(0, 3);
  for (let index = 3; index < args.length; index += 1) {
    const option = word(args, index);
    if (option === "REPLACE") {
      kept.push(Buffer.from(option));
    } else if (option === "DB" && index + 1 < args.length) {
      index += 1;
      if (integer(argument(args, index)) !== 1n) throw new CommandError("ERR DB index is out of range");
    } else {
      throw new CommandError(SYNTAX_ERROR);
    }
  }
  return kept;
}

function flushAll(args: Arguments): Arguments {
  if (args.length > 2 || (args.length === 2 && !/^(A?SYNC)$/.test(word(args, 1)))) throw new CommandError(SYNTAX_ERROR);
  return args.slice(0, 1);
}

/** BLPOP and its like: the keys, then the timeout. */
function pop(name: string, end: string): Normalise {
  return (args) => {
    checkTimeout(argument(args, args.length - 1));
    const keys = args.slice(1, -1);
    return [Buffer.from(name), Buffer.from(String(keys.length)), ...keys, Buffer.from(end)];
  };
}

/** The others that block: the same without their timeout, which comes first or last. */
function withoutTimeout(name: string, position: "first" | "last"): Normalise {
  return (args) => {
    const index = position === "first" ? 1 : args.length - 1;
    checkTimeout(argument(args, index));
    return args.toSpliced(index, 1).with(0, Buffer.from(name));
  };
}

function rename(name: string): Normalise {
  return (args) => [Buffer.from(name), ...args.slice(1)];
}

const normalisations: ReadonlyMap<string, Normalise> = new Map([
  ["SET", set],
  ["SETEX", setWithExpiry("seconds")],
  ["PSETEX", setWithExpiry("milliseconds")],
  ["MSET", pairs],
  ["MSETNX", pairs],
  ["DEL", rename("UNLINK")],
  ["GETDEL", rename("UNLINK")],
  ["EXPIRE", expire("PEXPIREAT", "seconds", true)],
  ["PEXPIRE", expire("PEXPIREAT", "milliseconds", true)],
  ["EXPIREAT", expire("PEXPIREAT", "seconds", false)],
  ["PEXPIREAT", expire("PEXPIREAT", "milliseconds", false)],
  ["HEXPIRE", expire("HPEXPIREAT", "seconds", true)],
  ["HPEXPIRE", expire("HPEXPIREAT", "milliseconds", true)],
  ["HEXPIREAT", expire("HPEXPIREAT", "seconds", false)],
  ["HPEXPIREAT", expire("HPEXPIREAT", "milliseconds", false)],
  ["GETEX", optionsUntil(undefined, new Set(["PERSIST"]))],
  ["HGETEX", optionsUntil("FIELDS", new Set(["PERSIST"]))],
  ["HSETEX", optionsUntil("FIELDS", new Set(["FNX", "FXX", "KEEPTTL"]))],
  ["INCREX", increx],
  ["MSETEX", msetex],
  ["RESTORE", restore],
  ["XADD", xadd],
  ["XTRIM", xtrim],
  ["COPY", copy],
  ["FLUSHALL", flushAll],
  ["BLPOP", pop("LMPOP", "LEFT")],
  ["BRPOP", pop("LMPOP", "RIGHT")],
  ["BZPOPMIN", pop("ZMPOP", "MIN")],
  ["BZPOPMAX", pop("ZMPOP", "MAX")],
  ["BLMOVE", withoutTimeout("LMOVE", "last")],
  ["BRPOPLPUSH", withoutTimeout("RPOPLPUSH", "last")],
  ["BLMPOP", withoutTimeout("LMPOP", "first")],
  ["BZMPOP", withoutTimeout("ZMPOP", "first")],
]);

const nameBytes = new Map<string, Buffer>();

/** There are a few hundred names, and millions of commands. */
function bytesOf(name: string): Buffer {
  const bytes = nameBytes.get(name) ?? Buffer.from(name);
  nameBytes.set(name, bytes);
  return bytes;
}

/** Whether a command that scripts may not run has a kin that they may. */
export function hasKin(name: string): boolean {
  return normalisations.has(name);
}

/**
 * The command as every region replays it; its arguments may be slices of those given.
 *
 * @param name - in upper case.
 * @throws CommandError where Redis would answer an error whatever the data.
 */
export function normalise(name: string, args: Arguments, stamp: Stamp): Arguments {
  const upper = args.with(0, bytesOf(name));
  return normalisations.get(name)?.(upper, stamp) ?? upper;
}
