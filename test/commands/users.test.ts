import { expect, test } from "@jest/globals";
import { Users } from "../../shim/commands/users";

const rights = { write: true, database1: true, flushall: true };

test("users authenticate with each of their passwords, and the first as default", () => {
  const users = new Users([
    { ...rights, name: "app", passwords: ["new", "old"] },
    { ...rights, name: "other", passwords: ["secret"] },
  ]);
  const named = (name: string, password: string) => users.authenticate(name, Buffer.from(password))?.name;
  expect([named("app", "new"), named("app", "old"), named("default", "old"), named("other", "secret")]).toEqual([
    "app",
    "app",
    "app",
    "other",
  ]);
  expect([named("app", "secret"), named("default", "secret"), named("nobody", "new"), named("app", "")]).toEqual(
    Array.from({ length: 4 }, () => undefined),
  );
});

test("a limited user's turns come back over time, and no more than a second's worth are kept", () => {
  let now = 0;
  const users = new Users([{ ...rights, name: "app", passwords: ["p"], database1PerSecond: 10 }], () => now);
  const user = users.authenticate("app", Buffer.from("p"))!;
  const taken = () => Array.from({ length: 20 }, () => user.takeTurn()).filter(Boolean).length;
  expect(taken()).toBe(10);
  now += 300;
  expect(taken()).toBe(3);
  now += 60_000;
  expect(taken()).toBe(10);
});
