// LEB128: numbers as envelopes have them, seven bits a byte, the lowest first.

/** Enough for 48 bits, the largest that there are. */
export const MAX_VARINT_BYTES = 7;

/** How many bytes a number takes up. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  let bytes = 2;
  for (let rest = value; rest >= 0x4000; rest = Math.floor(rest / 0x80)) {
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

/** Reads a number from where there is one, written in no more bytes than it needs. */
export function varintAt(buffer: Buffer, start: number): number {
  let at = start;
  let byte = buffer[at++] ?? 0;
  let value = byte & 0x7f;
  for (let unit = 0x80; byte >= 0x80; unit *= 0x80) {
    byte = buffer[at++] ?? 0;
    value += (byte & 0x7f) * unit;
  }
  return value;
}
