import { expect, it } from "@jest/globals";
import { Turns } from "../../shim/replication/turns";

it("lets so many go at a time, the others in the order in which they asked, and ends a turn once only", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends = [0, 1, 2, 3].map((index) =>
    turns.take().then((end) => {
      begun.push(index);
      return end;
    }),
  );
  const [first, second] = await Promise.all([ends[0]!, ends[1]!]);
  expect(begun).toEqual([0, 1]);
  first();
  first();
  await ends[2];
  expect(begun).toEqual([0, 1, 2]);
  second();
  await ends[3];
  expect(begun).toEqual([0, 1, 2, 3]);
});
