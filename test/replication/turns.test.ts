import { expect, it } from "@jest/globals";
import { Turns } from "../../shim/replication/turns";

it("lets so many go at a time, the others in the order in which they asked, and ends a turn once only", async () => {
  const turns = new Turns(() => 2);
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

it("goes on with fewer at a time once fewer may be, and with more once more may", async () => {
  let most = 2;
  const turns = new Turns(() => most);
  const begun: number[] = [];
  const ends = [0, 1, 2, 3, 4].map((index) =>
    turns.take().then((end) => {
      begun.push(index);
      return end;
    }),
  );
  const [first, second] = await Promise.all([ends[0]!, ends[1]!]);
  most = 1;
  first();
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1]);
  most = 0;
  // One is always let go: nobody else would ask again.
  second();
  const third = await ends[2]!;
  expect(begun).toEqual([0, 1, 2]);
  most = 2;
  third();
  await Promise.all([ends[3]!, ends[4]!]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});
