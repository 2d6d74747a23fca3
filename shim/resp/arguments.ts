// Cuts a whole request into its arguments. Only requests that the scanner has passed come here, so the form is right.

const CR = 13;
const ZERO = 48;

/** The arguments of one array of bulk strings, as slices of `frame`; those that are there where it is cut short. */
export function parseArguments(frame: Buffer): Buffer[] {
  const parsed: Buffer[] = [];
  let at = frame.indexOf(CR) + 2;
  while (at < frame.length) {
    let length = 0;
    for (at++; at < frame.length && frame[at] !== CR; at++) length = length * 10 + (frame[at] ?? ZERO) - ZERO;
    at += 2;
    parsed.push(frame.subarray(at, at + length));
    at += length + 2;
  }
  return parsed;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };
const doubleQuoted = /"((?:\\[\s\S]|[^"\\])*)"/y;
const singleQuoted = /'((?:\\'|\\(?!')|[^'\\])*)'/y;
// White space is what isspace takes for it in C, whatever JavaScript does (0xA0, for one); but less of it ends a word.
const unquoted = /[^ \t\n\r\0"']+/y;
const space = /[ \t\n\v\f\r\0]*/y;
const isSpace = /[ \t\n\v\f\r\0]/;

/**
 * Splits an inline command as Redis's sdssplitargs does: words between white space, `"…"` with \n, \r, \t, \b, \a and
 * \xHH in them, `'…'` with \' alone. A closing quote must be followed by white space.
 *
 * @returns the arguments, or undefined where quotes are unbalanced
 */
export function splitInline(line: Buffer): Buffer[] | undefined {
  // Latin 1 maps bytes to characters one to one, so that regular expressions work on binary text.
  const text = line.toString("latin1");
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const parsed: Buffer[] = [];
  for (take(space); at < text.length; take(space)) {
    let word = take(unquoted)?.[0] ?? "";
    const quoted = take(doubleQuoted)?.[1]?.replace(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, decodeEscape);
    const plain = quoted ?? take(singleQuoted)?.[1]?.replaceAll("\\'", "'");
    word += plain ?? "";
    const next = text[at];
    if (next !== undefined && !isSpace.test(next)) return undefined;
    parsed.push(Buffer.from(word, "latin1"));
  }
  return parsed;
}

function decodeEscape(_match: string, hex: string | undefined, character = ""): string {
  return hex === undefined ? (escapes[character] ?? character) : String.fromCharCode(Number.parseInt(hex, 16));
}
