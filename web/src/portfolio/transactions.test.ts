import { describe, expect, it } from "vitest";
import { problemFrom } from "../api/problem";
import { lineProblems, rowsOf } from "./import-result";
import { performance } from "./performance";
import { preview } from "./preview";
import { type Transaction, shown, transaction, transactionPage } from "./transactions";

const BUY = {
  id: "a",
  type: "BUY",
  symbol: "XNAS:AAPL",
  quantity: "10",
  price: "219.9",
  commission: "1",
  amount: "2199",
  cash: "-2200",
  executed_at: "2026-03-02T14:30:00Z",
  recorded_at: "2026-03-02T14:30:00Z",
  corrects: null,
  void: false,
  note: "first",
  revision: 41,
};

function states(...transactions: Transaction[]): string[] {
  return shown(transactions).map(({ state }) => state);
}

describe("transactions on record", () => {
  it("are read, with what their kind does not have as null", () => {
    const deposit = { ...BUY, type: "DEPOSIT", symbol: null, quantity: null, commission: null };
    const page = transactionPage({ transactions: [BUY, deposit], next: "more" });
    expect(page.next).toBe("more");
    expect(page.items[0]).toMatchObject({ kind: "BUY", quantity: "10", cash: "-2200", executedAt: BUY.executed_at });
    expect(page.items[1]).toMatchObject({ kind: "DEPOSIT", symbol: null, commission: null });
  });

  it("are refused where an amount is a float", () => {
    expect(() => transaction({ ...BUY, cash: -2200 })).toThrow("not a string");
    expect(() => transaction({ ...BUY, price: "2e3" })).toThrow("no decimal");
  });

  it("take effect unless others stand in their place, or void them", () => {
    const first = transaction(BUY);
    const second = transaction({ ...BUY, id: "b", corrects: "a" });
    const third = transaction({ ...BUY, id: "c", corrects: "b", void: true });
    expect(states(first)).toEqual(["effective"]);
    expect(states(second, first)).toEqual(["effective", "corrected"]);
    expect(states(third, second, first)).toEqual(["voiding", "voided", "corrected"]);
  });
});

it("reads what a transaction would come to", () => {
  const answer = {
    transactions: [BUY],
    cash: { before: "0", after: "-2200" },
    realized: { before: "0", after: "0" },
    holdings: [{ symbol: "XNAS:AAPL", before: null, after: { quantity: "10", cost: "2200" } }],
  };
  expect(preview(answer)).toMatchObject({
    transaction: { cash: "-2200" },
    cash: { before: "0", after: "-2200" },
    holdings: [{ symbol: "XNAS:AAPL", quantity: { before: "0", after: "10" } }],
  });
  expect(() => preview({ ...answer, transactions: [] })).toThrow("no transaction");
});

it("names every line of a file that was refused", () => {
  const problems = [{ line: 3, field: "symbol", reason: "No such symbol.", code: "unknown_symbol" }];
  const refusal = problemFrom(422, { code: "bad_lines", detail: "1 line.", rows: 2, problems });
  expect(lineProblems(refusal)).toEqual([{ line: 3, field: "symbol", reason: "No such symbol." }]);
  expect(lineProblems(problemFrom(409, { code: "not_enough", detail: "Held are 5." }))).toEqual([]);
  expect(rowsOf({ rows: 2 })).toBe(2);
});

it("reads the values at the closes", () => {
  const day = { day: "2026-03-02", total_value: "1000.50", net_flow: "0.00", return_percent: null };
  expect(performance({ currency: "USD", days: [day], time_weighted_percent: 1.5 })).toEqual({
    days: [{ day: "2026-03-02", totalValue: "1000.50" }],
    timeWeightedPercent: 1.5,
  });
});
