// Whole numbers as Redis reads them (string2ll in its util.c): without a plus, leading zeros or space, within 64 bits.

/** Redis's error for anything else. */
export const notAnInteger = "ERR value is not an integer or out of range";

export function isInteger(text: string): boolean {
  return /^(0|-?[1-9]\d{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}
