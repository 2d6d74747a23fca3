// What passes for a well-formed reply: were it too much, the tests that rest on it would find nothing.
import { expect, test } from "@jest/globals";
import { wellFormedReplies } from "../../fuzz/wellFormed";

test.each([
  ":NaN\r\n",
  ":1.5\r\n",
  ":1e+30\r\n",
  ":9223372036854775808\r\n",
  ":1\n",
  ":1",
  "$3\r\nab\r\n",
  "$1\r\nab\r\n",
  "*2\r\n:1\r\n",
  ",NaN0\r\n",
  ",Infinity\r\n",
  ",1.\r\n",
  ",\r\n",
  "#1\r\n",
  "%1\r\n$1\r\nk\r\n",
  "?\r\n",
  "*-1\r\n",
  "$-1\r\n",
])("%j is not well-formed in RESP3", (text) => {
  expect(() => wellFormedReplies(text, 3)).toThrow("no well-formed reply");
});

test.each(["_\r\n", ",1.5\r\n", "%0\r\n", "~0\r\n", "#t\r\n", "*1\r\n_\r\n"])("%j is not RESP2", (text) => {
  expect(() => wellFormedReplies(text, 2)).toThrow("no well-formed reply");
});

test("replies are told apart", () => {
  const two = ["+OK\r\n", ":-9223372036854775808\r\n", "$2\r\n\r\n\r\n", "$-1\r\n", "*-1\r\n", "*1\r\n*1\r\n:0\r\n"];
  expect(wellFormedReplies(two.join(""), 2)).toEqual(two);
  const three = [
    "_\r\n",
    ",-inf\r\n",
    ",-1\r\n",
    ",1e+21\r\n",
    "#f\r\n",
    "~1\r\n+a\r\n",
    "%1\r\n+k\r\n*0\r\n",
    "-ERR x\r\n",
  ];
  expect(wellFormedReplies(three.join(""), 3)).toEqual(three);
  expect(wellFormedReplies([...two, ...three].join(""))).toEqual([...two, ...three]);
});
