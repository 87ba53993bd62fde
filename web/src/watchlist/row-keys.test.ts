import { expect, it } from "vitest";
import { rowCommand } from "./row-keys";

const rows = ["A", "B", "C"];

it.each([
  ["ArrowDown", "A", { type: "focus", symbol: "B" }],
  ["ArrowDown", "C", { type: "focus", symbol: "C" }],
  ["ArrowUp", "A", { type: "focus", symbol: "A" }],
  ["Home", "C", { type: "focus", symbol: "A" }],
  ["End", "A", { type: "focus", symbol: "C" }],
  ["Delete", "B", { type: "remove", symbol: "B" }],
  ["Escape", "B", { type: "close" }],
  ["x", "B", null],
])("%s on %s", (key, focused, command) => {
  expect(rowCommand(key, rows, focused)).toEqual(command);
});
