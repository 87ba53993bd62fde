import { describe, expect, it } from "vitest";
import { dayChange, positionBetween } from "./change";
import {
  formatChange,
  formatExactPrice,
  formatPercent,
  formatPrice,
  formatSize,
  formatSpread,
  formatVolume,
} from "./numbers";
import { splitSymbol } from "./symbols";
import { AGEING_MS, STALE_MS, formatAge, formatTimeOfDay, formatTimestamp, freshness, timestampMs } from "./times";

describe("prices", () => {
  it.each([
    [null, "–"],
    [undefined, "–"],
    [Number.NaN, "–"],
    [0, "0.0000"],
    [0.4321, "0.4321"],
    [1, "1.00"],
    [187.425, "187.43"],
    [99_999.994, "99,999.99"],
    [714_560.49, "714,560"],
    [-37.63, "\u221237.63"],
  ])("%s -> %s", (value, text) => expect(formatPrice(value)).toBe(text));

  it("keeps the digits of a midpoint when it stands alone", () => {
    expect(formatExactPrice(187.425)).toBe("187.425");
    expect(formatExactPrice(187.4)).toBe("187.40");
    expect(formatExactPrice(714_560.49)).toBe("714,560.49");
    expect(formatExactPrice(0.5)).toBe("0.5000");
    expect(formatExactPrice(null)).toBe("–");
  });

  it("shows a spread in cents unless it is finer", () => {
    expect(formatSpread(0.009999999)).toBe("0.01");
    expect(formatSpread(0.0025)).toBe("0.0025");
    expect(formatSpread(undefined)).toBe("–");
  });
});

describe("changes", () => {
  it.each([
    [1.5, 100, "+1.50"],
    [-1.5, 100, "\u22121.50"],
    [0, 100, "0.00"],
    [-0.001, 100, "0.00"],
    [-3_515.18, 711_044, "\u22123,515"],
    [-0.0012, 0.43, "\u22120.0012"],
    [null, 100, "–"],
  ])("%s against %s -> %s", (value, reference, text) => expect(formatChange(value, reference)).toBe(text));

  it("writes percents with a sign", () => {
    expect(formatPercent(-0.466)).toBe("\u22120.47%");
    expect(formatPercent(0.004)).toBe("0.00%");
    expect(formatPercent(null)).toBe("–");
  });

  it("needs both prices", () => {
    expect(dayChange(110, 100)).toEqual({ absolute: 10, percent: 10, direction: "up" });
    expect(dayChange(90, 100).direction).toBe("down");
    expect(dayChange(100, 100).direction).toBe("flat");
    expect(dayChange(null, 100)).toEqual({ absolute: null, percent: null, direction: "flat" });
    expect(dayChange(1, 0)).toMatchObject({ absolute: 1, percent: null });
  });

  it("places the last price within the day", () => {
    expect(positionBetween(15, 10, 20)).toBe(0.5);
    expect(positionBetween(25, 10, 20)).toBe(1);
    expect(positionBetween(10, 10, 10)).toBeNull();
    expect(positionBetween(null, 10, 20)).toBeNull();
  });
});

describe("volumes and sizes", () => {
  it.each([
    [0, "0"],
    [950, "950"],
    [999.6, "1.00K"],
    [12_345, "12.3K"],
    [999_949, "1.00M"],
    [1_250_000, "1.25M"],
    [9_996_000, "10.0M"],
    [103_400_000, "103M"],
    [2_500_000_000, "2.50B"],
    [3e12, "3.00T"],
    [null, "–"],
  ])("%s -> %s", (value, text) => expect(formatVolume(value)).toBe(text));

  it("shows sizes whole as long as they fit", () => {
    expect(formatSize(1_200)).toBe("1,200");
    expect(formatSize(250_000)).toBe("250K");
    expect(formatSize(null)).toBe("–");
  });
});

describe("times", () => {
  it.each([
    ["2026-03-29T14:30:05.123456789Z", 123],
    ["2026-03-29T14:30:05.1Z", 100],
    ["2026-03-29T14:30:05Z", 0],
  ])("reads %s", (text, ms) => expect(timestampMs(text)).toBe(Date.UTC(2026, 2, 29, 14, 30, 5, ms)));

  it.each([null, undefined, "", "2026-03-29", "2026-03-29T14:30:05+01:00", "2026-13-29T14:30:05Z"])(
    "reads no time from %s",
    (text) => expect(timestampMs(text)).toBeNull(),
  );

  it.each([
    [null, "–"],
    [999, "now"],
    [1_000, "1s"],
    [59_999, "59s"],
    [65_000, "1m 05s"],
    [3_600_000, "1h 00m"],
    [11_220_000, "3h 07m"],
    [4 * 86_400_000, "4d"],
  ])("an age of %s ms is %s", (age, text) => expect(formatAge(age)).toBe(text));

  it("turns ages into freshness", () => {
    expect([null, 0, AGEING_MS, STALE_MS].map(freshness)).toEqual(["unknown", "fresh", "ageing", "stale"]);
  });

  it("writes the exchange's time to the millisecond", () => {
    const timeUs = Date.UTC(2026, 2, 29, 14, 30, 5, 123) * 1000 + 456;
    expect(formatTimestamp(timeUs)).toBe("2026-03-29 14:30:05.123 UTC");
    expect(formatTimestamp(null)).toBe("–");
    expect(formatTimeOfDay(timeUs)).toBe("14:30:05.123");
    expect(formatTimeOfDay(null)).toBe("–");
  });
});

it("splits symbols at the venue", () => {
  expect(splitSymbol("XNYS:BRK.B")).toEqual({ venue: "XNYS", ticker: "BRK.B" });
  expect(splitSymbol("AAPL")).toEqual({ venue: "", ticker: "AAPL" });
});
