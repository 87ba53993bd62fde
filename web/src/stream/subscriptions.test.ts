import { describe, expect, it } from "vitest";
import { EMPTY_MARKET, applyMessage } from "./market-state";
import { SYMBOLS_PER_MESSAGE, diffMessages, diffSymbols, resumeMessages } from "./subscriptions";

const many = (count: number) => Array.from({ length: count }, (_, index) => `XNAS:S${index}`);

describe("changing what is watched", () => {
  it("sends only the difference", () => {
    const diff = diffSymbols(new Set(["A", "B"]), new Set(["B", "C"]));
    expect(diffMessages(diff)).toEqual([
      { action: "unsubscribe", symbols: ["A"] },
      { action: "subscribe", symbols: ["C"] },
    ]);
  });

  it("sends nothing when nothing changed", () => {
    expect(diffMessages(diffSymbols(new Set(["A"]), new Set(["A"])))).toEqual([]);
  });

  it("splits what is too much for one message", () => {
    const messages = diffMessages(diffSymbols(new Set(), new Set(many(SYMBOLS_PER_MESSAGE + 1))));
    expect(messages).toHaveLength(2);
  });
});

describe("resuming", () => {
  const held = applyMessage(
    EMPTY_MARKET,
    {
      type: "update",
      updates: [
        { symbol: "XNAS:AAPL", seq: 1, ts_event: "2026-03-29T14:30:05.123456789Z" },
        { symbol: "XNAS:MSFT", seq: 1 },
      ],
    },
    0,
  ).state.quotes;

  it("asks for changes since the exact time seen, and for all of what was never seen", () => {
    expect(resumeMessages(new Set(["XNAS:AAPL", "XNAS:MSFT", "XNYS:JPM"]), held)).toEqual([
      { action: "reconnect", last_seen: { "XNAS:AAPL": "2026-03-29T14:30:05.123456789Z" } },
      { action: "subscribe", symbols: ["XNAS:MSFT", "XNYS:JPM"] },
    ]);
  });

  it("does not ask for what is no longer wanted", () => {
    expect(resumeMessages(new Set(), held)).toEqual([]);
  });
});
