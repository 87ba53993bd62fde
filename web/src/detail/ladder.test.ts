import { expect, it } from "vitest";
import { LEVELS, ladderOf, spreadOf } from "./ladder";

it("always has ten levels a side", () => {
  const ladder = ladderOf({ bids: [[10, 300, 2]], asks: [] });
  expect(ladder.bids).toHaveLength(LEVELS);
  expect(ladder.bids[0]).toEqual({ price: 10, size: 300, orders: 2, share: 1 });
  expect(ladder.asks.every((row) => row === null)).toBe(true);
  expect(ladderOf(undefined).bids).toHaveLength(LEVELS);
});

it("measures both sides against the same largest size", () => {
  const ladder = ladderOf({ bids: [[10, 100, 1]], asks: [[10.01, 400, 1]] });
  expect(ladder.bids[0]?.share).toBe(0.25);
});

it("gives the spread in money and in basis points", () => {
  expect(spreadOf(99.99, 100.01)?.absolute).toBeCloseTo(0.02);
  expect(spreadOf(99.99, 100.01)?.basisPoints).toBeCloseTo(2);
});

it.each([
  [null, 10],
  [10, null],
  [10.02, 10.01],
])("gives no spread for %s / %s", (bid, ask) => expect(spreadOf(bid, ask)).toBeNull());
