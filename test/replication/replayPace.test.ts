import { afterEach, expect, it, jest } from "@jest/globals";
import { ReplayPace } from "../../shim/replication/replayPace";

afterEach(() => {
  jest.restoreAllMocks();
});

it("takes small portions while clients of database 0 send, and for a moment afterwards", () => {
  let nowMs = 1000;
  let commands = 0;
  jest.spyOn(performance, "now").mockImplementation(() => nowMs);
  const pace = new ReplayPace(() => commands);
  const large = pace.portion;
  commands = 1;
  const small = pace.portion;
  expect(small.steps).toBeLessThan(large.steps);
  expect(small.calls).toBeLessThan(large.calls);
  nowMs += 99;
  expect(pace.portion).toBe(small);
  commands = 2;
  expect(pace.portion).toBe(small);
  nowMs += 99;
  expect(pace.portion).toBe(small);
  nowMs += 1;
  expect(pace.portion).toBe(large);
});
