// Patterns of keys as KEYS and SCAN have them (stringmatchlen in Redis's util.c), for keys that no server is asked about.
// A match takes at most as many steps as key and pattern have bytes, multiplied.

/** What may stand in one place of a key, or anything of any length. */
type Place = "*" | ((byte: number) => boolean);

const [STAR, ANY, ESCAPE, OPEN, CLOSE, NOT, DASH] = Buffer.from("*?\\[]^-");

/** What stands between brackets from `start` on, and where that ends. */
function readClass(pattern: Buffer, start: number): { readonly place: Place; readonly end: number } {
  const negated = pattern[start] === NOT;
  const members = new Set<number>();
  let at = negated ? start + 1 : start;
  for (; at < pattern.length && pattern[at] !== CLOSE; at += 1) {
    const [first = 0, second, third] = pattern.subarray(at, at + 3);
    if (first === ESCAPE && second !== undefined) {
      members.add(second);
      at += 1;
    } else if (second === DASH && third !== undefined) {
      for (let byte = Math.min(first, third); byte <= Math.max(first, third); byte += 1) members.add(byte);
      at += 2;
    } else {
      members.add(first);
    }
  }
  return { place: (byte) => members.has(byte) !== negated, end: at };
}

function placesOf(pattern: Buffer): readonly Place[] {
  const places: Place[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const byte = pattern[at];
    if (byte === STAR) {
      if (places.at(-1) !== "*") places.push("*");
    } else if (byte === ANY) {
      places.push(() => true);
    } else if (byte === OPEN) {
      const { place, end } = readClass(pattern, at + 1);
      places.push(place);
      at = end;
    } else {
      if (byte === ESCAPE && at + 1 < pattern.length) at += 1;
      const wanted = pattern[at];
      places.push((found) => found === wanted);
    }
  }
  return places;
}

/** Makes a function that tells whether a key matches. */
export function keyPattern(pattern: Buffer): (key: Buffer) => boolean {
  const places = placesOf(pattern);
  return (key) => {
    let place = 0;
    /** Behind the last `*`, and up to where in the key it stands for. */
    let star = -1;
    let covered = 0;
    for (let at = 0; at < key.length; ) {
      const wanted = places[place];
      if (wanted === "*") {
        place += 1;
        star = place;
        covered = at;
      } else if (wanted?.(key[at] ?? 0)) {
        place += 1;
        at += 1;
      } else if (star >= 0) {
        place = star;
        covered += 1;
        at = covered;
      } else {
        return false;
      }
    }
    return places.slice(place).every((rest) => rest === "*");
  };
}
