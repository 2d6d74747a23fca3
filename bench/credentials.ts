// What a client of a peer says first.

/** The words of its AUTH, as the peer's URL has them: some peers know a password alone. */
export function authentication(url: string): readonly string[] {
  const { username, password } = new URL(url);
  return ["AUTH", ...(username ? [username] : []), password];
}
