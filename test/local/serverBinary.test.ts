// Which server program is taken, and under which name it runs.
import { afterEach, expect, test } from "@jest/globals";
import { findServer, findServers } from "../../local/serverBinary";

const before = process.env.REDIS_SERVER;

afterEach(() => {
  if (before === undefined) delete process.env.REDIS_SERVER;
  else process.env.REDIS_SERVER = before;
});

test.each([
  ["redis-server", undefined],
  ["valkey-server", undefined],
  ["redis-check-rdb", "redis-server"],
  ["valkey-check-rdb", "valkey-server"],
])("REDIS_SERVER may name a %s, and comes before whatever else there is", (file, argv0) => {
  delete process.env.REDIS_SERVER;
  const others = findServers();
  const command = `/somewhere/${file}`;
  process.env.REDIS_SERVER = command;
  expect(findServer()).toEqual(argv0 ? { command, argv0 } : { command });
  expect(findServers().slice(1)).toEqual(others);
});
