import { expect, it } from "vitest";
import { candleOf } from "../stream/candles.fixture";
import { legendOf } from "./legend";
import { drawingOf } from "./series-data";

const indicators = [10.123456, null, 11, 10, 9, null, null, null, null];
const drawing = drawingOf([candleOf(0), candleOf(1, { close: 9.9, volume: 12345, extended: true, indicators })]);

it("says a candle's prices, its change and its volume", () => {
  expect(legendOf(drawing, 1, [])).toEqual({
    startS: candleOf(1).startS,
    extended: true,
    direction: "down",
    figures: [
      ["O", "10.00"],
      ["H", "10.00"],
      ["L", "10.00"],
      ["C", "9.90"],
      ["", "−0.10 (−1.00%)"],
      ["Vol", "12.3K"],
    ],
    indicators: [],
  });
});

it("says the chosen indicators' values", () => {
  const given = drawingOf([candleOf(1, { indicators })]);
  expect(legendOf(given, 0, ["sma", "rsi"])?.indicators).toEqual([
    { name: "sma", label: "SMA 20", values: [{ line: 0, text: "10.1235" }] },
    { name: "rsi", label: "RSI 14", values: [{ line: 5, text: "–" }] },
  ]);
});

it("says nothing of no candle", () => expect(legendOf(drawing, -1, [])).toBeNull());
