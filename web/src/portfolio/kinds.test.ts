import { describe, expect, it } from "vitest";
import { localOf } from "../format/local-time";
import { KINDS, NO_VALUES, correctionOf, fieldsOf, isComplete, requestOf } from "./kinds";

const BUY = { ...NO_VALUES, symbol: " XNAS:AAPL ", quantity: "10.00000001", price: "219.9" };

describe("the fields of a transaction", () => {
  it.each([
    ["BUY", "symbol quantity price commission executed_at note"],
    ["DIVIDEND", "symbol quantity price commission executed_at note"],
    ["DEPOSIT", "price executed_at note"],
    ["FEE", "price executed_at note"],
    ["SPLIT", "symbol quantity executed_at note"],
  ] as const)("%s has %s", (kind, fields) => expect(fieldsOf(kind).join(" ")).toBe(fields));

  it("are enough when those that every transaction of its kind has are there", () => {
    expect(isComplete("BUY", BUY)).toBe(true);
    expect(isComplete("BUY", { ...BUY, price: " " })).toBe(false);
    expect(isComplete("DEPOSIT", { ...NO_VALUES, price: "5" })).toBe(true);
    expect(KINDS.filter((kind) => isComplete(kind, NO_VALUES))).toEqual([]);
  });
});

describe("a request", () => {
  it("has the numbers as they were typed", () => {
    expect(requestOf("BUY", BUY)).toEqual({ type: "BUY", symbol: "XNAS:AAPL", quantity: "10.00000001", price: "219.9" });
  });

  it("has no field of another kind", () => {
    expect(requestOf("DEPOSIT", BUY)).toEqual({ type: "DEPOSIT", price: "219.9" });
  });

  it("says local time in UTC", () => {
    const local = localOf("2026-03-02T14:30:05.250Z");
    expect(local).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:05$/);
    const request = requestOf("DEPOSIT", { ...NO_VALUES, price: "1", executed_at: local });
    expect(request["executed_at"]).toBe("2026-03-02T14:30:05.000Z");
  });
});

describe("a correction", () => {
  const before = { ...BUY, commission: "1", note: "first", executed_at: "2026-03-02T15:30:05" };

  it("leaves a time alone that was left alone: the ledger has it to the microsecond", () => {
    expect(correctionOf("BUY", before, before)).not.toHaveProperty("executed_at");
    const moved = correctionOf("BUY", { ...before, executed_at: "2026-03-02T15:30:06" }, before);
    expect(moved).toHaveProperty("executed_at");
  });

  it("names what was emptied, which would stay otherwise", () => {
    const emptied = correctionOf("BUY", { ...before, commission: "", note: "" }, before);
    expect(emptied).toMatchObject({ commission: "0", note: "" });
    expect(correctionOf("BUY", before, before)).toMatchObject({ commission: "1", note: "first" });
    expect(correctionOf("SPLIT", before, before)).not.toHaveProperty("commission");
  });
});
