import { describe, expect, test } from "@jest/globals";
import { CommandTable } from "../../shim/commands/commandTable";
import { specificationsFrom } from "../../shim/commands/specification";
import { documentedRefusals, kindredRefusals, regionalRefusals } from "../../shim/contract";

function lookup(table: CommandTable, name: string) {
  // At an odd place, as names are in a chunk.
  return table.lookup(Buffer.from(`xx${name}\r\n`), 2, name.length);
}

describe("the command table", () => {
  const table = new CommandTable([]);

  test("finds names in any case, and no others", () => {
    for (const name of ["get", "GET", "gEt"]) expect(lookup(table, name)?.specification.name).toBe("GET");
    for (const name of ["", "ge", "gets", "get "]) expect(lookup(table, name)).toBeUndefined();
  });

  test("refuses every name of the policy on both databases, also those the server lacks", () => {
    const names = [documentedRefusals, kindredRefusals].flatMap((groups) => Object.values(groups).flat());
    for (const one of [table, emptyServer()]) {
      for (const name of [...names, ...regionalRefusals]) {
        expect([name, lookup(one, name.toLowerCase())?.regional]).toEqual([name, "refuse"]);
        expect([name, lookup(one, name)?.virtual]).toEqual([name, name === "WAIT" ? "receipt" : "refuse"]);
      }
    }
  });

  test("allows the kin of a group by option, and never the documented ones", () => {
    const lenient = new CommandTable(["geo"]);
    expect(lookup(lenient, "GEOSEARCH")?.regional).toBe("forward");
    expect(lookup(lenient, "GEOSEARCHSTORE")?.virtual).toBe("accept");
    expect(lookup(lenient, "GEOADD")?.regional).toBe("refuse");
    expect(lookup(lenient, "SORT_RO")?.regional).toBe("refuse");
  });

  test.each([
    ["GET", "forward", "acknowledge"],
    ["SET", "forward", "accept"],
    ["BLPOP", "private", "accept"],
    ["XREAD", "inspect", "acknowledge"],
    ["XREADGROUP", "inspect", "accept"],
    ["COPY", "inspect", "accept"],
    ["FLUSHALL", "inspect", "accept"],
    ["PING", "local", "local"],
    ["COMMAND", "forward", "forward"],
    ["KEYS", "forward", "acknowledge"],
  ])("%s is %s on database 0 and %s on database 1", (name, regional, virtual) => {
    expect(lookup(table, name)).toMatchObject({ regional, virtual });
  });

  test("takes what a server says, and refuses what it flags as admin", () => {
    const learned = new CommandTable([]);
    learned.learn(
      specificationsFrom([
        ["get", 2, ["readonly"], 1, 1, 1],
        ["newadmin", -1, ["admin"], 0, 0, 0],
        ["newcontainer", -2, [], 0, 0, 0, [], [], [], [["newcontainer|do", -2, ["admin"], 0, 0, 0]]],
        ["xgroup", -2, [], 0, 0, 0, [], [], [], [["xgroup|create", -5, ["write"], 2, 2, 1]]],
        ["mystery", -1, [], 0, 0, 0],
      ]),
    );
    expect(lookup(learned, "SET")).toBeUndefined();
    expect(lookup(learned, "NEWADMIN")?.regional).toBe("refuse");
    expect(lookup(learned, "NEWCONTAINER")?.regional).toBe("refuse");
    expect(lookup(learned, "XGROUP")?.virtual).toBe("container");
    expect(lookup(learned, "XGROUP")?.specification.subcommands.get("CREATE")?.arity).toBe(-5);
    // Of what nothing is known nobody may say that it was a read.
    expect(lookup(learned, "MYSTERY")?.virtual).toBe("accept");
  });
});

function emptyServer(): CommandTable {
  const table = new CommandTable([]);
  table.learn([]);
  return table;
}
