import { describe, expect, it } from "vitest";
import { directionOf, formatDecimal, formatGain, minorUnits } from "./money";

describe("amounts", () => {
  it.each([
    ["0", "0"],
    ["999.00", "999.00"],
    ["1234.5", "1,234.5"],
    ["-1234567.00000001", "\u22121,234,567.00000001"],
    ["90071992547409931.23", "90,071,992,547,409,931.23"],
    [null, "–"],
  ])("%s is written %s", (amount, text) => expect(formatDecimal(amount)).toBe(text));

  it.each([
    ["12.30", "+12.30", "up"],
    ["-12.30", "\u221212.30", "down"],
    ["0.00", "0.00", "flat"],
    ["-0.01", "\u22120.01", "down"],
    [null, "–", "flat"],
  ])("%s gained is %s", (amount, text, direction) => {
    expect(formatGain(amount)).toBe(text);
    expect(directionOf(amount)).toBe(direction);
  });

  it.each([
    ["12.34", 1234n],
    ["-0.05", -5n],
    ["0.00", 0n],
    ["1500", 1500n],
    ["90071992547409931.23", 9007199254740993123n],
  ])("%s has %s minor units", (amount, units) => expect(minorUnits(amount)).toBe(units));
});
