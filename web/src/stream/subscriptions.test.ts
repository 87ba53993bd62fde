import { describe, expect, it } from "vitest";
import type { Channel } from "./messages";
import {
  NOTHING_WATCHED,
  SYMBOLS_PER_MESSAGE,
  changeMessages,
  resumeMessages,
  snapshotMessages,
  watchedOf,
} from "./subscriptions";

const many = (count: number) => Array.from({ length: count }, (_, index) => `XNAS:S${index}`);

describe("what is watched", () => {
  it("is the quotes of the list, and book, trades and candles of the selected", () => {
    expect(watchedOf(["A", "B"], "B", "1m")).toEqual({
      ...NOTHING_WATCHED,
      quote: new Set(["A", "B"]),
      depth: new Set(["B"]),
      trades: new Set(["B"]),
      "candles:1m": new Set(["B"]),
    });
  });

  it("is of others the quotes alone, whatever is selected", () => {
    expect(watchedOf(["A"], "B", "1m", ["A", "B"])).toEqual({ ...NOTHING_WATCHED, quote: new Set(["A", "B"]) });
  });

  it.each([null, "UNRESOLVED"])("has no book where %s is selected", (selected) => {
    expect(watchedOf(["A"], selected, "1m")).toEqual({ ...NOTHING_WATCHED, quote: new Set(["A"]) });
  });
});

const SEQUENCES = new Map([
  ["quote XNAS:AAPL", 30064772115],
  ["depth XNAS:AAPL", 30064772120],
]);
const held = (channel: Channel, symbol: string) => SEQUENCES.get(`${channel} ${symbol}`) ?? 0;

describe("changing what is watched", () => {
  it("sends only the difference, in each channel", () => {
    expect(changeMessages(watchedOf(["A", "B"], "A", "1m"), watchedOf(["B", "C"], "B", "1m"))).toEqual([
      { action: "unsubscribe", channel: "quote", symbols: ["A"] },
      { action: "unsubscribe", channel: "depth", symbols: ["A"] },
      { action: "unsubscribe", channel: "trades", symbols: ["A"] },
      { action: "unsubscribe", channel: "candles:1m", symbols: ["A"] },
      { action: "subscribe", channel: "quote", symbols: ["C"] },
      { action: "subscribe", channel: "depth", symbols: ["B"] },
      { action: "subscribe", channel: "trades", symbols: ["B"] },
      { action: "subscribe", channel: "candles:1m", symbols: ["B"] },
    ]);
  });

  it("changes the length of the candles, and nothing else", () => {
    expect(changeMessages(watchedOf(["A"], "A", "1m"), watchedOf(["A"], "A", "1M"))).toEqual([
      { action: "unsubscribe", channel: "candles:1m", symbols: ["A"] },
      { action: "subscribe", channel: "candles:1M", symbols: ["A"] },
    ]);
  });

  it("sends nothing when nothing changed", () => {
    expect(changeMessages(watchedOf(["A"], "A", "1m"), watchedOf(["A"], "A", "1m"))).toEqual([]);
  });

  it("splits what is too much for one message", () => {
    const symbols = many(SYMBOLS_PER_MESSAGE + 1);
    expect(changeMessages(NOTHING_WATCHED, watchedOf(symbols, null, "1m"))).toHaveLength(2);
    expect(snapshotMessages(symbols)).toHaveLength(2);
  });
});

describe("resuming", () => {
  it("asks for changes since the sequences held, and for all of what is not held, in each channel", () => {
    const watched = watchedOf(["XNAS:AAPL", "XNAS:MSFT", "XNYS:JPM"], "XNAS:AAPL", "1m");
    expect(resumeMessages(watched, "e1", held)).toEqual([
      { action: "reconnect", channel: "quote", epoch: "e1", last_seen: { "XNAS:AAPL": 30064772115 } },
      { action: "subscribe", channel: "quote", symbols: ["XNAS:MSFT", "XNYS:JPM"] },
      { action: "reconnect", channel: "depth", epoch: "e1", last_seen: { "XNAS:AAPL": 30064772120 } },
      { action: "subscribe", channel: "trades", symbols: ["XNAS:AAPL"] },
      { action: "subscribe", channel: "candles:1m", symbols: ["XNAS:AAPL"] },
    ]);
  });

  it("does not ask for what is no longer wanted", () => {
    expect(resumeMessages(NOTHING_WATCHED, "e1", held)).toEqual([]);
  });
});
