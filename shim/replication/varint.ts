// LEB128: numbers as envelopes have them, seven bits a byte, the lowest first.

/** Enough for 48 bits, the largest that there are. */
export const MAX_VARINT_BYTES = 7;

/** How many bytes a number takes up. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    bytes += 1;
  }
  return bytes;
}

/** Writes a number. @returns where it ends */
export function writeVarint(buffer: Buffer, value: number, start: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80) {
    buffer[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buffer[at++] = rest;
  return at;
}
