// The command line of `npm start`: what it means, and what is said where it means nothing.
import { expect, test } from "@jest/globals";
import { commandLine, type StartOptions } from "../../local/options";

/** What the command line asks for: the action, its arguments, its options. */
async function parse(...args: string[]): Promise<{ action: string; rest: unknown[]; options: StartOptions }> {
  return new Promise((resolve, reject) => {
    const command = commandLine({
      start: async (options) => resolve({ action: "start", rest: [], options }),
      exec: async (region, program, options) => resolve({ action: "exec", rest: [region, program], options }),
    });
    command.parseAsync(args, { from: "user" }).catch(reject);
  });
}

test("without options: three regions, a shim each, real delays, no faults, free ports", async () => {
  const { action, options } = await parse();
  expect(action).toBe("start");
  expect(options).toMatchObject({
    regions: ["us-east-1", "eu-west-1", "ap-northeast-1"],
    shims: 1,
    faults: { delay: 1, drop: 0, duplicate: 0, reorder: 0 },
    port: undefined,
    json: false,
  });
});

test("every option is read", async () => {
  const { options } = await parse(
    ..."--regions sa-east-1,us-gov-west-1 --shims 2 --delay 0.5 --drop 0.1 --duplicate 0.2 --reorder 1 --seed 7".split(
      " ",
    ),
    ..."--port 7000 --json".split(" "),
  );
  expect(options).toEqual({
    regions: ["sa-east-1", "us-gov-west-1"],
    shims: 2,
    faults: { delay: 0.5, drop: 0.1, duplicate: 0.2, reorder: 1, seed: 7 },
    port: 7000,
    json: true,
  });
});

test("exec leaves the program's own options alone", async () => {
  const program = ["node", "app.js", "--json", "--port", "1"];
  const { action, rest, options } = await parse("--shims", "2", "exec", "eu-west-1", "--", ...program);
  expect([action, rest]).toEqual(["exec", ["eu-west-1", program]]);
  expect(options).toMatchObject({ shims: 2, json: false });
});

test("all faults are named at once, one to a line, each with its value and what would be right", async () => {
  const args =
    "--regions Mars,eu-west-1,eu-west-1 --shims 0 --delay x --drop 1.5 --duplicate -1 --reorder NaN --seed 0.5 --port 0";
  const error = await parse(...args.split(" ")).then(
    () => undefined,
    (error: Error) => error,
  );
  expect(error!.message.split("\n")).toEqual([
    '--regions has "Mars", which is not like the name of an AWS region: write eu-west-1, for example',
    '--regions has "eu-west-1" twice: name each region once',
    '--shims is "0" but must be a whole number from 1 to 16',
    '--port is "0" but must be a whole number from 1 to 65535',
    '--delay is "x" but must be a number from 0 to 1000',
    '--drop is "1.5" but must be a number from 0 to 1',
    '--duplicate is "-1" but must be a number from 0 to 1',
    '--reorder is "NaN" but must be a number from 0 to 1',
    '--seed is "0.5" but must be a whole number from 0 to 9007199254740991',
  ]);
});

test("a first port that leaves no room for the others is refused", async () => {
  await expect(parse("--port", "65534")).rejects.toThrow(
    '--port is "65534" but leaves no room for 3 shims below 65536',
  );
});
