// A name that only shims know which are processes of their own, and that leads wherever a test says: in all their threads,
// and anew each time that it is looked up.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Loaded before a program: asks a file for the address of one name. */
const program = (name: string, file: string) => `
const dns = require("node:dns");
const { readFileSync } = require("node:fs");
const { lookup } = dns;
dns.lookup = (name, options, callback) => {
  if (name !== ${JSON.stringify(name)}) return lookup(name, options, callback);
  const address = readFileSync(${JSON.stringify(file)}, "utf8");
  process.nextTick(() => (options.all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4)));
};
`;

/** See the head of this file. */
export class Resolver {
  private readonly folder = mkdtempSync(join(tmpdir(), "resolver-"));
  private readonly file = join(this.folder, "address");

  constructor(readonly name: string) {
    writeFileSync(join(this.folder, "program.js"), program(name, this.file));
  }

  /** What a process is to have in its environment that is to know the name. */
  get environment(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--require ${join(this.folder, "program.js")}` };
  }

  leadTo(address: string): void {
    writeFileSync(this.file, address);
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}
