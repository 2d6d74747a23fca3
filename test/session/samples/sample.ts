// Commands whose replies depend on nothing but the commands before them: how they are written, and how their replies compare.

/** What stands for some words. The payload is what DUMP gives for "dumped159", which has a checksum of plain letters. */
const meanings: Readonly<Record<string, string>> = { '""': "", DUMPED: "\u0000\tdumped159\n\u00005u2W]7YV" };

/** Commands as a user would type them, one a line; "" is an empty argument. */
export function commandsIn(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/).map((word) => meanings[word] ?? word));
}

/** A command by its full name, `XGROUP|CREATE` for a subcommand. */
export function nameOf([name = "", subcommand = ""]: readonly string[]): string {
  return (/^(COMMAND|OBJECT|XGROUP|XINFO)$/i.test(name) ? `${name}|${subcommand}` : name).toUpperCase();
}

/** A reply, which may be HELLO's, without what is each server's or connection's own. */
export function comparable(reply: string): string {
  // Servers differ in the wording of this one hint.
  return reply
    .replace(/id\r\n:\d+/, "id")
    .replace(/modules\r\n[\s\S]*/, "modules")
    .replace("HELLO <proto> AUTH", "HELLO AUTH");
}
