import { describe, expect, it } from "vitest";
import { allocation, percentOf } from "./allocation";
import { holding } from "./portfolio.fixture";

const AAPL = holding("XNAS:AAPL", { marketValue: "300.00", sector: "Technology" });
const MSFT = holding("XNAS:MSFT", { marketValue: "500.01", sector: "Technology" });
const JPM = holding("XNYS:JPM", { marketValue: "199.99", sector: "Finance" });

describe("the allocation", () => {
  it("divides by symbol, the largest part first", () => {
    expect(allocation([AAPL, MSFT, JPM], (each) => each.symbol)).toEqual([
      { key: "XNAS:MSFT", percent: 50.001 },
      { key: "XNAS:AAPL", percent: 30 },
      { key: "XNYS:JPM", percent: 19.999 },
    ]);
  });

  it("adds up the parts of one key", () => {
    expect(allocation([AAPL, MSFT, JPM], (each) => each.sector)).toEqual([
      { key: "Technology", percent: 80.001 },
      { key: "Finance", percent: 19.999 },
    ]);
  });

  it("counts at cost what has no price", () => {
    const unpriced = holding("XNAS:NEW", { marketValue: null, cost: "100.00" });
    expect(allocation([AAPL, unpriced], (each) => each.symbol)).toEqual([
      { key: "XNAS:AAPL", percent: 75 },
      { key: "XNAS:NEW", percent: 25 },
    ]);
  });

  it("puts equal parts in the order of their keys", () => {
    const keys = allocation([JPM, { ...JPM, symbol: "XNAS:A" }], (each) => each.symbol).map(({ key }) => key);
    expect(keys).toEqual(["XNAS:A", "XNYS:JPM"]);
  });

  it("has no percent of nothing", () => {
    expect(percentOf(0n, 0n)).toBeNull();
    expect(allocation([], (each) => each.symbol)).toEqual([]);
  });

  it("rounds to four decimals, also beyond what a float holds", () => {
    expect(percentOf(1n, 3n)).toBe(33.3333);
    expect(percentOf(2n, 3n)).toBe(66.6667);
    expect(percentOf(2n ** 80n, 2n ** 81n)).toBe(50);
  });
});
