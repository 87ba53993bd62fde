import { describe, expect, it } from "vitest";
import type { Channel } from "./messages";
import {
  NOTHING_WATCHED,
  SYMBOLS_PER_MESSAGE,
  changeMessages,
  resumeMessages,
  snapshotMessages,
  watchedOf,
  watchesAnything,
} from "./subscriptions";

const many = (count: number) => Array.from({ length: count }, (_, index) => `XNAS:S${index}`);

describe("what is watched", () => {
  it("is the quotes of the list, and book and trades of the selected", () => {
    expect(watchedOf(["A", "B"], "B")).toEqual({
      quote: new Set(["A", "B"]),
      depth: new Set(["B"]),
      trades: new Set(["B"]),
    });
  });

  it.each([null, "UNRESOLVED"])("has no book where %s is selected", (selected) => {
    expect(watchedOf(["A"], selected)).toEqual({ ...NOTHING_WATCHED, quote: new Set(["A"]) });
  });

  it("may be nothing", () => {
    expect(watchesAnything(watchedOf([], null))).toBe(false);
    expect(watchesAnything(watchedOf(["A"], null))).toBe(true);
  });
});

const SEQUENCES = new Map([
  ["quote XNAS:AAPL", 30064772115],
  ["depth XNAS:AAPL", 30064772120],
]);
const held = (channel: Channel, symbol: string) => SEQUENCES.get(`${channel} ${symbol}`) ?? 0;

describe("changing what is watched", () => {
  it("sends only the difference, in each channel", () => {
    expect(changeMessages(watchedOf(["A", "B"], "A"), watchedOf(["B", "C"], "B"))).toEqual([
      { action: "unsubscribe", channel: "quote", symbols: ["A"] },
      { action: "unsubscribe", channel: "depth", symbols: ["A"] },
      { action: "unsubscribe", channel: "trades", symbols: ["A"] },
      { action: "subscribe", channel: "quote", symbols: ["C"] },
      { action: "subscribe", channel: "depth", symbols: ["B"] },
      { action: "subscribe", channel: "trades", symbols: ["B"] },
    ]);
  });

  it("sends nothing when nothing changed", () => {
    expect(changeMessages(watchedOf(["A"], "A"), watchedOf(["A"], "A"))).toEqual([]);
  });

  it("splits what is too much for one message", () => {
    const symbols = many(SYMBOLS_PER_MESSAGE + 1);
    expect(changeMessages(NOTHING_WATCHED, watchedOf(symbols, null))).toHaveLength(2);
    expect(snapshotMessages(symbols)).toHaveLength(2);
  });
});

describe("resuming", () => {
  it("asks for changes since the sequences held, and for all of what is not held, in each channel", () => {
    const watched = watchedOf(["XNAS:AAPL", "XNAS:MSFT", "XNYS:JPM"], "XNAS:AAPL");
    expect(resumeMessages(watched, "e1", held)).toEqual([
      { action: "reconnect", channel: "quote", epoch: "e1", last_seen: { "XNAS:AAPL": 30064772115 } },
      { action: "subscribe", channel: "quote", symbols: ["XNAS:MSFT", "XNYS:JPM"] },
      { action: "reconnect", channel: "depth", epoch: "e1", last_seen: { "XNAS:AAPL": 30064772120 } },
      { action: "subscribe", channel: "trades", symbols: ["XNAS:AAPL"] },
    ]);
  });

  it("does not ask for what is no longer wanted", () => {
    expect(resumeMessages(NOTHING_WATCHED, "e1", held)).toEqual([]);
  });
});
