// Requests and replies as bytes, for what the shim says itself, in the protocol version of the one it speaks to.

/** Protocol version of a session or lane. */
export type Protocol = 2 | 3;

/**
 * An error reply; `text` begins with its code: `ERR …`. Its characters stand for bytes (Latin 1), as a
 * name echoed back may be binary. Line breaks, which the protocol cannot carry, become spaces.
 */
export function encodeError(text: string): Buffer {
  return Buffer.from(`-${text.replace(/[\r\n]/g, " ")}\r\n`, "latin1");
}

/** A simple string. */
export function encodeSimple(text: string): Buffer {
  return Buffer.from(`+${text}\r\n`);
}

/** A bulk string. */
export function encodeBulk(value: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from("\r\n")]);
}

/** A command as an array of bulk strings. */
export function encodeRequest(words: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat([
    Buffer.from(`*${words.length}\r\n`),
    ...words.map((word) => encodeBulk(typeof word === "string" ? Buffer.from(word) : word)),
  ]);
}

/** A map of replies that are encoded already; RESP2 has it as an array of keys and values in turn. */
export function encodeMap(entries: readonly (readonly [string, Buffer])[], protocol: Protocol): Buffer {
  const head = protocol === 3 ? `%${entries.length}\r\n` : `*${entries.length * 2}\r\n`;
  return Buffer.concat([
    Buffer.from(head),
    ...entries.flatMap(([key, value]) => [encodeBulk(Buffer.from(key)), value]),
  ]);
}
