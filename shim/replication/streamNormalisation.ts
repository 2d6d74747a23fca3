// Makes XADD and XTRIM independent of when and where they run: IDs and thresholds.

import { type Arguments, argument, CommandError, integer, word } from "./commandArguments";
import type { Stamp } from "./stamp";

const MAX_STREAM_PART = 2n ** 64n - 1n;
const xaddThresholds = new Set(["MAXLEN", "MINID", "LIMIT"]);

/**
 * MAXLEN and MINID with `~` trim as far as the nodes of that very stream in that very server make cheap, and would leave
 * regions with streams of different lengths: they are made exact.
 */
function exactThreshold(options: Arguments): Arguments {
  const approximate = options.findIndex((option) => String(option) === "~");
  if (approximate < 0) return options;
  const exact = options.with(approximate, Buffer.from("="));
  const limit = exact.findIndex((option) => /^LIMIT$/i.test(option.toString("latin1")));
  return limit < 0 ? exact : exact.toSpliced(limit, 2);
}

/** XTRIM: its threshold becomes exact. */
export function xtrim(args: Arguments): Arguments {
  return [...args.slice(0, 2), ...exactThreshold(args.slice(2))];
}

/**
 * `*` becomes the ID of the stamp, and IDs sort as stamps do: counter and origin make up the sequence within the millisecond.
 * Where the stream is past that, the replay takes the next ID instead. `<ms>-*` stays: what it becomes depends on the entries
 * before it, among which the journal runs it in its place.
 */
export function xadd(args: Arguments, { ms, counter, origin }: Stamp): Arguments {
  let at = 2;
  for (let option = word(args, at); option === "NOMKSTREAM" || xaddThresholds.has(option); option = word(args, at)) {
    at += 1;
    if (option === "NOMKSTREAM") continue;
    if (/^[=~]$/.test(word(args, at))) at += 1;
    if (option !== "MINID") integer(argument(args, at));
    at += 1;
  }
  const given = argument(args, at).toString("latin1");
  const id = given === "*" ? `${ms}-${counter * 2 ** 32 + origin}` : given;
  const parts = /^(\d{1,20})(?:-(\d{1,20}|\*))?$/.exec(id)?.slice(1) ?? [""];
  if (parts.some((part = "0") => part !== "*" && (part === "" || BigInt(part) > MAX_STREAM_PART))) {
    throw new CommandError("ERR Invalid stream ID specified as stream command argument");
  }
  const fields = args.length - at - 1;
  if (fields === 0 || fields % 2 === 1) throw new CommandError("ERR wrong number of arguments for 'xadd' command");
  return [...args.slice(0, 2), ...exactThreshold(args.slice(2, at)), Buffer.from(id), ...args.slice(at + 1)];
}
