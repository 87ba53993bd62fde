import { describe, expect, it } from "vitest";
import { candlePage, candlesPath } from "./candles";

const ANSWER = {
  symbol: "XNAS:AAPL",
  interval: "1m",
  session: "all",
  t: [1774794600, 1774794660],
  o: [229.8, 229.87],
  h: [229.91, 229.9],
  l: [229.79, 229.85],
  c: [229.87, 229.88],
  v: [15300.0, 2100.0],
  n: [81, 12],
  e: [1, 0],
  vw: [229.846, null],
  x: [0, 1],
  open: true,
  indicators: {
    "sma:20": { value: [229.7, 229.71] },
    "ema:50": { value: [null, 229.6] },
    "bbands:20:2": { upper: [3, 4], middle: [2, 3], lower: [1, 2] },
    "rsi:14": { value: [50, 51] },
    "macd:12:26:9": { macd: [0.1, 0.2], signal: [0.3, 0.4], histogram: [null, -0.2] },
  },
  previous: "2026-03-29T14:29:00Z",
  next: null,
};

describe("a page of candles", () => {
  it("is asked for with everything that the page draws", () => {
    expect(candlesPath("XNAS:AAPL", "1M", 1774794600)).toBe(
      "/candles/XNAS%3AAAPL?interval=1M&limit=500" +
        "&indicators=sma%3A20%2Cema%3A50%2Cbbands%3A20%3A2%2Crsi%3A14%2Cmacd%3A12%3A26%3A9&end=1774794600",
    );
  });

  it("is columns, made into candles with their indicators", () => {
    expect(candlePage(ANSWER)).toEqual({
      candles: [
        {
          startS: 1774794600,
          open: 229.8,
          high: 229.91,
          low: 229.79,
          close: 229.87,
          volume: 15300,
          vwap: 229.846,
          trades: 81,
          revision: 1,
          extended: false,
          closed: true,
          blank: false,
          indicators: [229.7, null, 3, 2, 1, 50, 0.1, 0.3, null],
        },
        {
          startS: 1774794660,
          open: 229.87,
          high: 229.9,
          low: 229.85,
          close: 229.88,
          volume: 2100,
          vwap: null,
          trades: 12,
          revision: 0,
          extended: true,
          closed: false,
          blank: false,
          indicators: [229.71, 229.6, 4, 3, 2, 51, 0.2, 0.4, -0.2],
        },
      ],
      hasOlder: true,
    });
  });

  it("has candles without indicators where the server gave none", () => {
    expect(candlePage({ ...ANSWER, indicators: undefined }).candles[0]).not.toHaveProperty("indicators");
  });

  it("is the last one when nothing comes before it", () => {
    expect(candlePage({ ...ANSWER, previous: null }).hasOlder).toBe(false);
  });

  it.each([
    ["no object", null],
    ["a column is missing", { ...ANSWER, h: undefined }],
    ["a column is shorter", { ...ANSWER, c: [1] }],
    ["times go back", { ...ANSWER, t: [1774794660, 1774794600] }],
    ["a price is no number", { ...ANSWER, o: ["229", 1] }],
    ["an indicator is missing", { ...ANSWER, indicators: {} }],
    ["an indicator is shorter", { ...ANSWER, indicators: { ...ANSWER.indicators, "sma:20": { value: [1] } } }],
  ])("is refused where %s", (_, body) => {
    expect(() => candlePage(body)).toThrow(expect.objectContaining({ code: "malformed", retryable: false }));
  });
});
