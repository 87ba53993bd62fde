import { describe, expect, it } from "vitest";
import { candleOf } from "../stream/candles.fixture";
import type { IndicatorValues } from "../stream/messages";
import { INDICATORS, INDICATOR_QUERY, LINES, PLANS } from "./indicators";
import { indicatorsOf } from "./live-indicators";
// A random walk with a flat stretch, and what TA-Lib makes of it, in the order of `indicators.ts`.
import fixture from "./talib.fixture.json";

const candles = fixture.closes.map((close, minute) => candleOf(minute, { close }));
const givenAt = (index: number): IndicatorValues => fixture.lines.map((line) => line[index] ?? null);

function distance(value: number | null, wanted: number | null): number {
  if (value === null || wanted === null) return value === wanted ? 0 : Infinity;
  return Math.abs(value - wanted);
}

describe("indicators", () => {
  it("have lines one after another", () => {
    const lines = INDICATORS.flatMap((name) => PLANS[name].columns.map((_, offset) => PLANS[name].at + offset));
    expect(lines).toEqual(Array.from({ length: LINES }, (_, line) => line));
    expect(INDICATOR_QUERY).toBe("sma:20,ema:50,bbands:20:2,rsi:14,macd:12:26:9");
  });

  it.each(fixture.lines.map((expected, line) => [line, expected] as const))("line %d is TA-Lib's", (line, expected) => {
    const offs = indicatorsOf(candles).map((values, index) => distance(values?.[line] ?? null, expected[index] ?? null));
    expect(Math.max(...offs)).toBeLessThan(1e-9);
  });

  it("are the server's until the first candle that it did not see", () => {
    const seen = fixture.closes.map((close, index) => candleOf(index, { close, indicators: [index] }));
    expect(indicatorsOf(seen)).toEqual(seen.map(({ indicators }) => indicators));
    const amended = seen.with(100, candleOf(100, { close: fixture.closes[100] ?? 0 }));
    const values = indicatorsOf(amended);
    expect(values[99]).toEqual([99]);
    for (const index of [100, 119]) {
      values[index]?.forEach((value, line) => expect(value).toBeCloseTo(givenAt(index)[line] ?? 0, 9));
    }
  });

  it("of no candles are none", () => expect(indicatorsOf([])).toEqual([]));
});
