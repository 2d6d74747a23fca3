// Patterns of keys as KEYS and SCAN have them (stringmatchlen in Redis's util.c), for keys that no server is asked about.

function codeOf(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** What stands between brackets from `start` on, as a regular expression has it, and where that ends. */
function readClass(text: string, start: number): { readonly source: string; readonly end: number } {
  const negated = text[start] === "^";
  let members = "";
  let at = negated ? start + 1 : start;
  for (; at < text.length && text[at] !== "]"; at += 1) {
    const [low = "", dash, high] = text.slice(at, at + 3);
    if (low === "\\" && dash !== undefined) {
      members += codeOf(dash);
      at += 1;
    } else if (dash === "-" && high !== undefined) {
      members += [low, high].toSorted().map(codeOf).join("-");
      at += 2;
    } else {
      members += codeOf(low);
    }
  }
  return { source: `[${negated ? "^" : ""}${members}]`, end: at };
}

/** The pattern for keys in Latin 1, which maps bytes to characters one to one. */
export function keyPattern(pattern: string): RegExp {
  const text = Buffer.from(pattern).toString("latin1");
  let source = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === "*") {
      source += ".*";
    } else if (character === "?") {
      source += ".";
    } else if (character === "[") {
      const { source: found, end } = readClass(text, at + 1);
      source += found;
      at = end;
    } else {
      if (character === "\\" && at + 1 < text.length) at += 1;
      source += codeOf(text[at] ?? "");
    }
  }
  return new RegExp(`^${source}$`, "s");
}
