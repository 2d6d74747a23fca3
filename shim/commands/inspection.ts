// Commands on database 0 whose arguments decide what becomes of them, and for how long.

/** What the arguments say. */
export interface Inspection {
  /** The command is refused for this reason. */
  readonly error?: string;
  /** The command is sent in these words instead of its own. */
  readonly words?: readonly (Buffer | string)[];
  /** The command may block for so long; see {@link blockingMs}. */
  readonly blocksMs?: number;
}

/** Looks at the arguments of a command whose rule is `inspect`. */
export function inspect(name: string, words: readonly Buffer[]): Inspection {
  const texts = words.slice(1).map((word) => word.toString("latin1").toUpperCase());
  switch (name) {
    case "FLUSHALL":
      // The server's database 1 holds the records of replays, which must survive.
      return { words: ["FLUSHDB", ...words.slice(1)] };
    case "COPY":
      // Likewise nothing may be copied into it.
      return texts.some((text, at) => at >= 2 && text === "DB" && /^[1-9]\d*$/.test(texts[at + 1] ?? ""))
        ? { error: "ERR DB index is out of range" }
        : {};
    default:
      return { blocksMs: blockOption(texts) };
  }
}

/** Arguments of the options of XREAD and XREADGROUP; a group and a consumer may bear the name of an option. */
const optionArguments: ReadonlyMap<string | undefined, number> = new Map([
  ["GROUP", 2],
  ["COUNT", 1],
  ["BLOCK", 1],
]);

/** Milliseconds of the last option BLOCK; 0 where there is none among the options, which end at the word STREAMS. */
function blockOption(texts: readonly string[]): number {
  let ms = 0;
  for (let at = 0; at < texts.length && texts[at] !== "STREAMS"; at += 1 + (optionArguments.get(texts[at]) ?? 0)) {
    if (texts[at] === "BLOCK") ms = durationMs(texts[at + 1], 1);
  }
  return ms;
}

const timeoutFirst = new Set(["BLMPOP", "BZMPOP"]);
const timeoutLast = new Set(["BLMOVE", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZPOPMAX", "BZPOPMIN"]);

/**
 * How long a command with the flag `blocking` may wait by its own word, in milliseconds: infinite where that is for ever,
 * or where it cannot be told.
 */
export function blockingMs(name: string, words: readonly Buffer[]): number {
  const timeout = timeoutFirst.has(name) ? words[1] : timeoutLast.has(name) ? words.at(-1) : undefined;
  return durationMs(timeout?.toString("latin1"), 1000);
}

function durationMs(text: string | undefined, unitMs: number): number {
  const ms = Number(text) * unitMs;
  return ms > 0 ? ms : Number.POSITIVE_INFINITY;
}
