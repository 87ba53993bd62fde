import { describe, expect, it } from "vitest";
import { candleOf } from "../stream/candles.fixture";
import type { Colours } from "./colours";
import { candlePoint, changeBetween, drawingOf, indexOfStart, linePoint, volumePoint } from "./series-data";

const COLOURS = { up: "green", down: "red", upFaint: "pale green", downFaint: "pale red" } as Colours;
const candles = [0, 1, 2, 3].map((minute) => candleOf(minute));

describe("what is drawn anew", () => {
  it("is the last candle when only that one changed", () => {
    const after = candles.with(3, candleOf(3, { trades: 2 }));
    expect(changeBetween(candles, after)).toEqual({ type: "update", from: 3 });
  });

  it("is what came after it, and an amended one before it", () => {
    const after = [...candles.with(2, candleOf(2, { revision: 1 })), candleOf(4)];
    expect(changeBetween(candles, after)).toEqual({ type: "update", from: 2 });
  });

  it("is nothing when nothing changed", () => {
    expect(changeBetween(candles, candles)).toEqual({ type: "update", from: 4 });
  });

  it.each([
    ["the first candles come", [], candles],
    ["older ones came", candles, [candleOf(-2), candleOf(-1), ...candles]],
    ["one went away", candles, candles.slice(0, 3)],
    ["one came between", [candleOf(0), candleOf(2)], candles],
    ["many changed", candles, [...candles, ...Array.from({ length: 60 }, (_, index) => candleOf(4 + index))]],
  ])("is all when %s", (_, before, after) => {
    expect(changeBetween(before, after)).toEqual({ type: "replace" });
  });
});

describe("points", () => {
  const drawing = drawingOf([candleOf(0), candleOf(1, { open: 11, extended: true })]);
  const time = candleOf(0).startS;

  it("are pale outside the regular session", () => {
    expect(candlePoint(drawing, 0, COLOURS)).toEqual({ time, open: 10, high: 10, low: 10, close: 10 });
    expect(candlePoint(drawing, 1, COLOURS)).toMatchObject({ color: "pale red", wickColor: "pale red" });
    expect(volumePoint(drawing, 0, COLOURS)).toEqual({ time, value: 100, color: "pale green" });
  });

  it("leave a gap where a line has no value", () => {
    expect(linePoint(drawing, 0, 0)).toEqual({ time });
    expect(linePoint(drawingOf([candleOf(0, { indicators: [7] })]), 0, 0)).toEqual({ time, value: 7 });
  });

  it("are found by their start", () => {
    expect(candles.map(({ startS }) => indexOfStart(candles, startS))).toEqual([0, 1, 2, 3]);
    expect([indexOfStart(candles, time + 1), indexOfStart(candles, time + 999), indexOfStart([], time)]).toEqual([
      -1, -1, -1,
    ]);
  });
});
