import { describe, expect, it } from "vitest";
import { offsetMs } from "./clock-offset";
import { EMPTY_MARKET, type MarketState, applyMessage, forget, withoutNotice } from "./market-state";
import type { ServerMessage } from "./messages";

const SYMBOL = "XNAS:AAPL";
const EPOCH = 2 ** 52;

function after(state: MarketState, ...messages: ServerMessage[]): MarketState {
  return messages.reduce((held, message) => applyMessage(held, message, 0).state, state);
}

const snapshot = (seq: number, bid: number, symbol = SYMBOL): ServerMessage => ({
  type: "snapshot",
  symbol,
  seq,
  bid,
  ask: bid + 0.02,
  ts_event: "2026-03-29T14:30:05.000000001Z",
});

const update = (seq: number, fields: object, symbol = SYMBOL): ServerMessage => ({
  type: "update",
  updates: [{ symbol, seq, ...fields }],
});

describe("quotes", () => {
  it("takes a snapshot, unknown fields null", () => {
    const quote = after(EMPTY_MARKET, snapshot(5, 10)).quotes.get(SYMBOL);
    expect(quote).toMatchObject({ symbol: SYMBOL, seq: 5, bid: 10, ask: 10.02, last: null, volume: null });
    expect(quote).not.toHaveProperty("type");
  });

  it("merges an update into what it holds", () => {
    const state = after(EMPTY_MARKET, snapshot(5, 10), update(6, { last: 10.01, bid_size: 300 }));
    expect(state.quotes.get(SYMBOL)).toMatchObject({ seq: 6, bid: 10, last: 10.01, bid_size: 300 });
  });

  it("takes null for a side that went away", () => {
    expect(after(EMPTY_MARKET, snapshot(5, 10), update(6, { bid: null })).quotes.get(SYMBOL)?.bid).toBeNull();
  });

  it.each([4, 5])("ignores an update that is not newer: %d after 5", (seq) => {
    const held = after(EMPTY_MARKET, snapshot(5, 10));
    const applied = applyMessage(held, update(seq, { bid: 99 }), 0);
    expect(applied).toEqual({ state: held, changed: [] });
    expect(applied.state).toBe(held);
  });

  it("takes a snapshot of the same sequence, not an older one", () => {
    const held = after(EMPTY_MARKET, snapshot(5, 10));
    expect(after(held, snapshot(5, 11)).quotes.get(SYMBOL)?.bid).toBe(11);
    expect(after(held, snapshot(4, 11))).toBe(held);
  });

  it("compares sequences exactly up to 2^53", () => {
    const held = after(EMPTY_MARKET, snapshot(EPOCH + 1, 10));
    expect(after(held, update(EPOCH, { bid: 1 }))).toBe(held);
    expect(after(held, update(EPOCH + 2, { bid: 12 })).quotes.get(SYMBOL)?.bid).toBe(12);
  });

  it("takes several updates in order, an instrument twice if need be", () => {
    const message: ServerMessage = {
      type: "update",
      updates: [
        { symbol: SYMBOL, seq: 6, bid: 11 },
        { symbol: "XNYS:JPM", seq: 2, bid: 200 },
        { symbol: SYMBOL, seq: 7, ask: 12 },
      ],
    };
    const { state, changed } = applyMessage(after(EMPTY_MARKET, snapshot(5, 10)), message, 0);
    expect(state.quotes.get(SYMBOL)).toMatchObject({ seq: 7, bid: 11, ask: 12 });
    expect(state.quotes.get("XNYS:JPM")).toMatchObject({ seq: 2, bid: 200 });
    expect(changed).toEqual([SYMBOL, "XNYS:JPM", SYMBOL]);
  });

  it("leaves the old state as it was, and the other quotes identical", () => {
    const before = after(EMPTY_MARKET, snapshot(5, 10), snapshot(1, 200, "XNYS:JPM"));
    const next = after(before, update(6, { bid: 11 }));
    expect(before.quotes.get(SYMBOL)?.bid).toBe(10);
    expect(next.quotes.get("XNYS:JPM")).toBe(before.quotes.get("XNYS:JPM"));
  });
});

describe("problems", () => {
  const refusal: ServerMessage = { type: "error", code: "unknown_symbol", message: "No XNAS:NOPE.", symbol: "XNAS:NOPE" };

  it("keeps the server's sentence beside the symbol", () => {
    const { state, changed } = applyMessage(EMPTY_MARKET, refusal, 0);
    expect(state.problems.get("XNAS:NOPE")).toBe("No XNAS:NOPE.");
    expect(changed).toEqual(["XNAS:NOPE"]);
    expect(state.notice).toBeNull();
  });

  it("forgets it once the symbol is subscribed after all", () => {
    const { state, changed } = applyMessage(
      after(EMPTY_MARKET, refusal),
      { type: "subscribed", symbols: ["XNAS:NOPE", SYMBOL] },
      0,
    );
    expect(state.problems.size).toBe(0);
    expect(changed).toEqual(["XNAS:NOPE"]);
  });

  it("shows what names no symbol as a notice, until dismissed", () => {
    const state = after(EMPTY_MARKET, { type: "error", code: "too_many", message: "At most 1000 symbols." });
    expect(state.notice).toBe("At most 1000 symbols.");
    expect(withoutNotice(state).notice).toBeNull();
    expect(withoutNotice(EMPTY_MARKET)).toBe(EMPTY_MARKET);
  });
});

describe("forgetting", () => {
  it("drops quotes and problems, and names those it held", () => {
    const state = after(EMPTY_MARKET, snapshot(5, 10), { type: "error", code: "x", message: "No.", symbol: "XNAS:NOPE" });
    const forgotten = forget(state, [SYMBOL, "XNAS:NOPE", "XNYS:JPM"]);
    expect(forgotten.changed).toEqual([SYMBOL, "XNAS:NOPE"]);
    expect(forgotten.state.quotes.size + forgotten.state.problems.size).toBe(0);
    expect(forget(state, []).state).toBe(state);
  });
});

describe("other messages", () => {
  it("learns the server's clock from welcome and heartbeat", () => {
    const arrivedMs = Date.UTC(2026, 2, 29, 14, 30, 0);
    const message: ServerMessage = { type: "heartbeat", server_timestamp: "2026-03-29T14:30:02.500000000Z" };
    expect(offsetMs(applyMessage(EMPTY_MARKET, message, arrivedMs).state.clock)).toBe(2_500);
  });

  it("keeps the clock when the time is no time", () => {
    expect(after(EMPTY_MARKET, { type: "heartbeat", server_timestamp: "soon" })).toBe(EMPTY_MARKET);
  });

  it.each<ServerMessage>([
    { type: "pong" },
    { type: "status", upstream: "live" },
    { type: "resumed", changed: [], unchanged: [SYMBOL] },
    { type: "unsubscribed", symbols: [SYMBOL] },
    { type: "subscribed", symbols: [SYMBOL] },
  ])("changes nothing: $type", (message) => {
    expect(applyMessage(EMPTY_MARKET, message, 0)).toEqual({ state: EMPTY_MARKET, changed: [] });
  });
});
