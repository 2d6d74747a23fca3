// The wires alone, on a clock that the test turns: what happens depends on the seed and on nothing else.
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { oneWayMs } from "../../local/roundTrips";
import { type Faults, noFaults, Wires } from "../../local/wires";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const count = 40;

function carry(wires: Wires, from: string, to: string): number[] {
  const arrived: number[] = [];
  for (let number = 0; number < count; number++) wires.carry({ from, to, deliver: () => arrived.push(number) });
  return arrived;
}

function run(faults: Partial<Faults>): number[] {
  const arrived = carry(new Wires({ ...noFaults, ...faults }), "us-east-1", "eu-west-1");
  jest.runAllTimers();
  return arrived;
}

test("one seed brings the same losses, repeats and order again, another seed others", () => {
  const faults = { drop: 0.2, duplicate: 0.3, reorder: 0.5 };
  expect(run({ ...faults, seed: 1 })).toEqual(run({ ...faults, seed: 1 }));
  expect(run({ ...faults, seed: 1 })).not.toEqual(run({ ...faults, seed: 2 }));
});

test("a fraction says how many messages are hit", () => {
  const arrived = run({ duplicate: 0.5 });
  expect(arrived.length).toBeGreaterThan(count * 1.25);
  expect(arrived.length).toBeLessThan(count * 1.75);
  expect(new Set(arrived).size).toBe(count);
});

test("a factor of delay stretches the way", () => {
  const arrived = carry(new Wires({ ...noFaults, delay: 10 }), "us-east-1", "eu-west-1");
  jest.advanceTimersByTime(10 * oneWayMs("us-east-1", "eu-west-1") - 1);
  expect(arrived).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(arrived).toHaveLength(count);
});

test("a cut between two regions holds what they send each other, and nothing else", () => {
  const wires = new Wires(noFaults);
  wires.cut("us-east-1", "eu-west-1");
  const [there, back, own, other] = [
    carry(wires, "us-east-1", "eu-west-1"),
    carry(wires, "eu-west-1", "us-east-1"),
    carry(wires, "us-east-1", "us-east-1"),
    carry(wires, "us-east-1", "sa-east-1"),
  ];
  jest.runAllTimers();
  expect([there, back, own, other].map(({ length }) => length)).toEqual([0, 0, count, count]);
  wires.heal();
  expect([there, back].map(({ length }) => length)).toEqual([count, count]);
});

test("nothing arrives any more once the wires are closed", () => {
  const wires = new Wires(noFaults);
  const arrived = carry(wires, "us-east-1", "eu-west-1");
  wires.close();
  jest.runAllTimers();
  expect(arrived).toEqual([]);
});

test("a way is as long as the way back, and estimated where it was not measured", () => {
  expect(oneWayMs("us-east-1", "eu-west-1")).toBe(35);
  expect(oneWayMs("eu-west-1", "us-east-1")).toBe(35);
  expect(oneWayMs("eu-west-1", "eu-west-1")).toBeLessThan(1);
  expect(oneWayMs("eu-west-1", "eu-north-1")).toBeLessThan(oneWayMs("eu-north-1", "sa-east-1"));
});
