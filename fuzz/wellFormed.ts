// Whether replies keep to the protocol's own grammar, more strictly than a scanner that looks for their ends has to.
// https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
import type { Protocol } from "@redis-on-fly/shim/dist/resp/encoder";

/** The first line of each type, without its end. */
const firstLines: Readonly<Record<string, RegExp>> = {
  "+": /^\+[^\r\n]*$/,
  "-": /^-[^\r\n]+$/,
  ":": /^:-?\d{1,19}$/,
  $: /^\$(\d{1,10}|-1)$/,
  "*": /^\*(\d{1,10}|-1)$/,
  _: /^_$/,
  "#": /^#[tf]$/,
  ",": /^,(-?inf|nan|-?\d+(\.\d+)?(e[+-]?\d+)?)$/i,
  "(": /^\([+-]?\d+$/,
  "=": /^=\d{1,10}$/,
  "!": /^!\d{1,10}$/,
  "~": /^~\d{1,10}$/,
  ">": /^>\d{1,10}$/,
  "%": /^%\d{1,10}$/,
};
const types: Readonly<Record<Protocol, string>> = { 2: "+-:$*", 3: Object.keys(firstLines).join("") };

/**
 * The replies in a text of bytes (Latin 1).
 *
 * @param protocol what they are in; either where it changes in between
 * @throws Error where one is not well-formed, or not whole
 */
export function wellFormedReplies(text: string, protocol?: Protocol): string[] {
  const replies: string[] = [];
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = endOf(text, at, protocol);
    replies.push(text.slice(at, end));
  }
  return replies;
}

/** Where the reply ends that begins at an offset. */
function endOf(text: string, from: number, protocol: Protocol | undefined): number {
  let at = from;
  for (let outstanding = 1; outstanding > 0; outstanding--) {
    const lineEnd = text.indexOf("\r\n", at);
    const line = text.slice(at, Math.max(lineEnd, at));
    const [type = ""] = line;
    if (!types[protocol ?? 3].includes(type) || !firstLines[type]?.test(line)) throw notWellFormed(text, at);
    const value = line.slice(1);
    at = lineEnd + 2;
    // RESP3 has a type of its own for nothing.
    if ("$*".includes(type) && value === "-1" && protocol === 3) throw notWellFormed(text, from);
    if (type === ":" && BigInt.asIntN(64, BigInt(value)) !== BigInt(value)) throw notWellFormed(text, from);
    if ("$=!".includes(type) && value !== "-1") {
      at += Number(value) + 2;
      if (text.slice(at - 2, at) !== "\r\n") throw notWellFormed(text, from);
    }
    if ("*~>%".includes(type)) outstanding += Math.max(0, Number(value)) * (type === "%" ? 2 : 1);
  }
  return at;
}

function notWellFormed(text: string, at: number): Error {
  return new Error(`no well-formed reply: ${JSON.stringify(text.slice(at, at + 200))}`);
}
