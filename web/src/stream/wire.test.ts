import { describe, expect, it } from "vitest";
import { FIRING, FIRING_BODY } from "../alerts/alerts.fixture";
import { readMessage } from "./wire";

const read = (message: object) => readMessage(JSON.stringify(message));

const STAMP = { s: "XNAS:AAPL", q: 30064772115, t: 1774794605000000, r: 1774794605000412 };
const NAMED_STAMP = {
  symbol: "XNAS:AAPL",
  sequence: 30064772115,
  eventUs: 1774794605000000,
  receivedUs: 1774794605000412,
};
const PRINT = { q: 7, t: 1774794605000000, r: 1774794605000412, p: 229.87, z: 100, i: "90210" };

const ENDED = { revision: 2, extended: true, closed: true, blank: true };

const ohlc = (open: number, high: number, low: number, close: number) => ({ open, high, low, close });

const frame = (entries: object) => ({ type: "update", quotes: [], books: [], prints: [], candles: [], ...entries });

describe("data frames", () => {
  it("gives a full quote the page's names", () => {
    const quote = { b: 229.86, bz: 300, a: 229.88, az: 500, l: 229.87, lz: 100, o: 228.5, hi: 230.12, lo: 228.31 };
    const rest = { v: 1520300, pc: 227.94, f: 1 };
    expect(read({ type: "snapshot", quote: [{ ...STAMP, ...quote, ...rest }] })).toEqual({
      ...frame({}),
      type: "snapshot",
      quotes: [
        {
          ...NAMED_STAMP,
          bid: 229.86,
          bidSize: 300,
          ask: 229.88,
          askSize: 500,
          last: 229.87,
          lastSize: 100,
          open: 228.5,
          high: 230.12,
          low: 228.31,
          volume: 1520300,
          previousClose: 227.94,
          flags: 1,
        },
      ],
    });
  });

  it("leaves out of a change what did not change, and keeps a price that went away apart", () => {
    const quotes = [{ ...NAMED_STAMP, bid: null, bidSize: 0 }];
    expect(read({ type: "update", quote: [{ ...STAMP, b: null, bz: 0 }] })).toEqual(frame({ quotes }));
  });

  it("reads the sides of a book that changed", () => {
    const books = [{ ...NAMED_STAMP, asks: [[229.88, 500, 4]] }];
    expect(read({ type: "update", depth: [{ ...STAMP, asks: [[229.88, 500, 4]] }] })).toEqual(frame({ books }));
  });

  it("tells a trade from a withdrawal, which tells the trade's time", () => {
    const trades = [PRINT, { ...PRINT, q: 8, t: 1774794606000000, x: PRINT.t, k: 4, f: 1 }];
    const trade = { kind: "trade", sequence: 7, tradeUs: PRINT.t, price: 229.87, size: 100, id: "90210" };
    expect(read({ type: "update", trades: [{ s: "XNAS:AAPL", q: 8, trades, missed: 3 }] })).toEqual(
      frame({
        prints: [
          {
            symbol: "XNAS:AAPL",
            sequence: 8,
            prints: [trade, { ...trade, kind: "withdrawal", sequence: 8 }],
            missed: 3,
          },
        ],
      }),
    );
  });

  it("gives candles their names and their channel", () => {
    const wire = { t: 1774794600, o: 229.8, h: 229.91, l: 229.79, c: 229.87, v: 15300.5, n: 81, w: 229.846 };
    const gone = { t: 1774794660, o: null, h: null, l: null, c: null, v: 0, n: 0, w: null, e: 2, x: 1, f: 1, k: 1 };
    const candle = { ...ohlc(229.8, 229.91, 229.79, 229.87), startS: 1774794600, volume: 15300.5, vwap: 229.846 };
    const candles = [
      { ...candle, trades: 81, revision: 0, extended: false, closed: false, blank: false },
      { ...ohlc(0, 0, 0, 0), startS: 1774794660, volume: 0, vwap: null, trades: 0, ...ENDED },
    ];
    const entry = { channel: "candles:5m", symbol: "XNAS:AAPL", sequence: 9, candles, missed: 1 };
    expect(read({ type: "snapshot", "candles:5m": [{ s: "XNAS:AAPL", q: 9, c: [wire, gone], missed: 1 }] })).toEqual({
      ...frame({ candles: [entry] }),
      type: "snapshot",
    });
  });

  it("knows no time from 0", () => {
    const quotes = [{ ...NAMED_STAMP, sequence: 0, eventUs: null, receivedUs: null }];
    expect(read({ type: "update", quote: [{ ...STAMP, q: 0, t: 0, r: 0 }] })).toEqual(frame({ quotes }));
  });

  it("passes over the channels of tomorrow", () => {
    expect(read({ type: "update", auctions: [{}] })).toEqual(frame({}));
  });
});

describe("other messages", () => {
  it.each([
    [
      { type: "welcome", protocol: 2, epoch: "e1", server_timestamp: "2026-03-29T14:30:05.000000000Z" },
      { type: "welcome", epoch: "e1", serverTimestamp: "2026-03-29T14:30:05.000000000Z" },
    ],
    [
      { type: "heartbeat", server_timestamp: null },
      { type: "heartbeat", serverTimestamp: null },
    ],
    [
      { type: "subscribed", channel: "depth", symbols: ["XNAS:AAPL"], rate: 20 },
      { type: "subscribed", channel: "depth", symbols: ["XNAS:AAPL"] },
    ],
    [
      { type: "resumed", channel: "trades", epoch: "e1", covered: false, changed: [], lost: ["XNAS:AAPL"] },
      { type: "resumed", channel: "trades", lost: ["XNAS:AAPL"] },
    ],
    [
      { type: "status", upstream: "reconnecting" },
      { type: "status", upstream: "reconnecting" },
    ],
    [
      { type: "mode", level: 1, mode: "slower", rate: 10, channels: ["quote", "depth", "candles"] },
      {
        type: "mode",
        mode: { name: "slower", channels: ["quote", "depth"], onDemand: [], pollAfterMs: null },
      },
    ],
    [
      { type: "mode", level: 4, mode: "poll", rate: 20, channels: [], on_demand: ["XNAS:AAPL"], poll_after_ms: 2400 },
      {
        type: "mode",
        mode: { name: "poll", channels: [], onDemand: ["XNAS:AAPL"], pollAfterMs: 2400 },
      },
    ],
    [
      { type: "error", code: "malformed", message: "No." },
      { type: "error", message: "No." },
    ],
    [
      { type: "error", code: "alerts_unavailable", message: "No.", alerts: true, retry_after_ms: 900 },
      { type: "error", message: "No.", alerts: true, retryAfterMs: 900 },
    ],
    [{ type: "alerts", firings: [FIRING_BODY], total: 7 }, { type: "alerts", firings: [FIRING], total: 7 }],
    [{ type: "alert_fired", firing: FIRING_BODY }, { type: "alert_fired", firing: FIRING }],
    [
      { type: "error", code: "busy", message: "No.", symbol: "XNAS:AAPL", channel: "depth", retry_after_ms: 900 },
      { type: "error", message: "No.", symbol: "XNAS:AAPL", channel: "depth", retryAfterMs: 900 },
    ],
    [
      { type: "closing", code: "restart", message: "Back soon.", retry_after_ms: 1200 },
      { type: "closing", retryAfterMs: 1200 },
    ],
  ])("%j", (message, expected) => expect(read(message)).toEqual(expected));
});

describe("what is passed over", () => {
  it.each([
    ["not JSON", "{"],
    ["null", "null"],
    ["a list", "[]"],
    ["no type", "{}"],
    ["a type of tomorrow", '{"type":"candles"}'],
    ["what the page does not need", '{"type":"pong"}'],
    ["a welcome without an epoch", '{"type":"welcome","server_timestamp":null}'],
    ["a heartbeat without a time", '{"type":"heartbeat"}'],
    ["symbols that are no strings", '{"type":"subscribed","channel":"quote","symbols":[1]}'],
    ["a channel of tomorrow", '{"type":"subscribed","channel":"candles","symbols":[]}'],
    ["half a resumed", '{"type":"resumed","channel":"quote"}'],
    ["an unknown status", '{"type":"status","upstream":"dozing"}'],
    [
      "candles out of order",
      '{"type":"update","candles:1m":[{"s":"A","q":1,"c":[' +
        '{"t":120,"o":1,"h":1,"l":1,"c":1,"v":1,"n":1},{"t":60,"o":1,"h":1,"l":1,"c":1,"v":1,"n":1}]}]}',
    ],
    ["an unknown mode", '{"type":"mode","mode":"dozing","rate":1,"channels":[]}'],
    ["a firing without a price", JSON.stringify({ type: "alert_fired", firing: { ...FIRING_BODY, price: null } })],
    ["an error without words", '{"type":"error","code":"x"}'],
    ["a closing without a time", '{"type":"closing","code":"x","message":"y"}'],
    ["a negative time to wait", '{"type":"closing","code":"x","message":"y","retry_after_ms":-1}'],
    ["entries that are no list", '{"type":"update","quote":{}}'],
    ["an entry that is null", '{"type":"update","quote":[null]}'],
  ])("%s", (_, text) => expect(readMessage(text)).toBeNull());

  it.each([
    ["no symbol", { s: undefined }],
    ["no sequence", { q: undefined }],
    ["a sequence beyond 2^53", { q: 2 ** 53 }],
    ["a sequence that is no whole number", { q: 1.5 }],
    ["a time in words", { t: "2026-03-29T14:30:05Z" }],
    ["no time of receipt", { r: undefined }],
    ["a price in words", { b: "229.86" }],
    ["a size that is null", { bz: null }],
    ["flags that are none", { f: -1 }],
  ])("a quote with %s, and the whole frame with it", (_, fields) => {
    expect(read({ type: "update", quote: [STAMP, { ...STAMP, ...fields }] })).toBeNull();
  });

  it("a price beyond all numbers", () => {
    expect(readMessage('{"type":"update","quote":[{"s":"A","q":1,"t":0,"r":0,"b":1e999}]}')).toBeNull();
  });

  it.each([[[229.88, 500]], [["229.88", 500, 4]], [229.88], [null]])("a level that is %j", (...level) => {
    expect(read({ type: "update", depth: [{ ...STAMP, bids: level }] })).toBeNull();
  });

  const strays = [{ i: 90210 }, { p: null }, { z: undefined }, { x: "soon" }, { t: undefined }];
  it.each(strays)("a print with %j", (fields) => {
    const trades = [{ ...PRINT, ...fields }];
    expect(read({ type: "update", trades: [{ s: "XNAS:AAPL", q: 7, trades }] })).toBeNull();
  });
});
