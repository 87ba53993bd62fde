import { describe, expect, it } from "vitest";
import { FIRING } from "../alerts/alerts.fixture";
import { withAllSeen } from "../alerts/live-alerts";
import { offsetMs } from "./clock-offset";
import {
  ALERTS,
  EMPTY_MARKET,
  MODE,
  type MarketState,
  NOTICE,
  applyMessage,
  changeAlerts,
  heldSequence,
  watch,
  withoutNotice,
} from "./market-state";
import { type BookChange, type Print, type QuoteChange, type ServerMessage, isHalted } from "./messages";
import { FULL_MODE } from "./mode";
import { watchedOf } from "./subscriptions";

const SYMBOL = "XNAS:AAPL";
const OTHER = "XNYS:JPM";
const EPOCH_BASE = 2 ** 52;
const TIMES = { eventUs: 1774794605000000, receivedUs: 1774794605000412 };

const WATCHING: MarketState = { ...EMPTY_MARKET, watched: watchedOf([SYMBOL, OTHER, "XNAS:NOPE"], SYMBOL, "1m") };

function after(state: MarketState, ...messages: ServerMessage[]): MarketState {
  return messages.reduce((held, message) => applyMessage(held, message, 0).state, state);
}

const entry = (sequence: number, fields: object = {}, symbol = SYMBOL) => ({ symbol, sequence, ...TIMES, ...fields });

const quotes = (type: "snapshot" | "update", ...entries: QuoteChange[]): ServerMessage => ({
  type,
  quotes: entries,
  books: [],
  prints: [],
  candles: [],
});

const books = (type: "snapshot" | "update", ...entries: BookChange[]): ServerMessage => ({
  type,
  quotes: [],
  books: entries,
  prints: [],
  candles: [],
});

const prints = (sequence: number, ...taken: Print[]): ServerMessage => ({
  type: "update",
  quotes: [],
  books: [],
  prints: [{ symbol: SYMBOL, sequence, prints: taken, missed: 0 }],
  candles: [],
});

const trade = (sequence: number): Print => ({ kind: "trade", sequence, tradeUs: 1, price: 10, size: 100, id: "7" });

const snapshot = (sequence: number, bid: number, symbol = SYMBOL) =>
  quotes("snapshot", entry(sequence, { bid, ask: bid + 0.02 }, symbol));
const update = (sequence: number, fields: object, symbol = SYMBOL) => quotes("update", entry(sequence, fields, symbol));
const welcome = (epoch: string): ServerMessage => ({ type: "welcome", epoch, serverTimestamp: null });

describe("quotes", () => {
  it("takes a snapshot, unknown fields null", () => {
    const quote = after(WATCHING, snapshot(5, 10)).quote.get(SYMBOL);
    expect(quote).toMatchObject({ symbol: SYMBOL, sequence: 5, bid: 10, ask: 10.02, last: null, volume: 0, ...TIMES });
  });

  it("merges an update into what it holds", () => {
    const state = after(WATCHING, snapshot(5, 10), update(6, { last: 10.01, bidSize: 300 }));
    expect(state.quote.get(SYMBOL)).toMatchObject({ sequence: 6, bid: 10, last: 10.01, bidSize: 300 });
  });

  it("takes null for a side that went away", () => {
    expect(after(WATCHING, snapshot(5, 10), update(6, { bid: null })).quote.get(SYMBOL)?.bid).toBeNull();
  });

  it.each([4, 5])("passes over an update that is not newer: %d after 5", (sequence) => {
    const held = after(WATCHING, snapshot(5, 10));
    const applied = applyMessage(held, update(sequence, { bid: 99 }), 0);
    expect(applied).toEqual({ state: held, changed: [] });
    expect(applied.state).toBe(held);
  });

  it("takes a snapshot of the same sequence, not an older one", () => {
    const held = after(WATCHING, snapshot(5, 10));
    expect(after(held, snapshot(5, 11)).quote.get(SYMBOL)?.bid).toBe(11);
    expect(after(held, snapshot(4, 11))).toBe(held);
  });

  it("takes a snapshot as the whole", () => {
    const state = after(WATCHING, snapshot(5, 10), update(6, { last: 10.01 }), snapshot(7, 10));
    expect(state.quote.get(SYMBOL)?.last).toBeNull();
  });

  it("compares sequences exactly up to 2^53", () => {
    const held = after(WATCHING, snapshot(EPOCH_BASE + 1, 10));
    expect(after(held, update(EPOCH_BASE, { bid: 1 }))).toBe(held);
    expect(after(held, update(EPOCH_BASE + 2, { bid: 12 })).quote.get(SYMBOL)?.bid).toBe(12);
  });

  it("names what changed, and leaves the rest identical", () => {
    const before = after(WATCHING, snapshot(5, 10), snapshot(1, 200, OTHER));
    const { state, changed } = applyMessage(
      before,
      quotes("update", entry(6, { bid: 11 }), entry(1, { bid: 1 }, OTHER)),
      0,
    );
    expect(changed).toEqual([`quote ${SYMBOL}`]);
    expect(before.quote.get(SYMBOL)?.bid).toBe(10);
    expect(state.quote.get(SYMBOL)?.bid).toBe(11);
    expect(state.quote.get(OTHER)).toBe(before.quote.get(OTHER));
  });

  it("passes over a difference to what it does not hold", () => {
    expect(after(WATCHING, update(6, { bid: 11 }))).toBe(WATCHING);
  });

  it("passes over what it does not watch", () => {
    expect(after(WATCHING, snapshot(5, 10, "XNAS:GONE"))).toBe(WATCHING);
  });

  it("knows who is halted, until trading goes on", () => {
    const state = after(WATCHING, snapshot(5, 10), update(6, { flags: 3 }));
    expect(isHalted(state.quote.get(SYMBOL))).toBe(true);
    expect(isHalted(after(state, update(7, { flags: 2 })).quote.get(SYMBOL))).toBe(false);
    expect(isHalted(undefined)).toBe(false);
  });
});

describe("books", () => {
  const bids = [[10, 300, 2]] as const;
  const asks = [[10.01, 400, 3]] as const;

  it("takes each side as a whole, and keeps the other", () => {
    const state = after(WATCHING, books("snapshot", entry(5, { bids, asks })), books("update", entry(6, { asks: [] })));
    expect(state.depth.get(SYMBOL)).toMatchObject({ sequence: 6, bids, asks: [] });
  });

  it("names what changed, and passes over the old", () => {
    const { state, changed } = applyMessage(WATCHING, books("snapshot", entry(5, { bids, asks })), 0);
    expect(changed).toEqual([`depth ${SYMBOL}`]);
    expect(after(state, books("update", entry(5, { bids: [] })))).toBe(state);
  });

  it("is held of the shown instrument alone", () => {
    expect(after(WATCHING, books("snapshot", entry(5, { bids, asks }, OTHER)))).toBe(WATCHING);
  });
});

describe("trades", () => {
  it("are taken in, and named", () => {
    const { state, changed } = applyMessage(WATCHING, prints(7, trade(7)), 0);
    expect(state.trades.get(SYMBOL)?.trades).toHaveLength(1);
    expect(changed).toEqual([`trades ${SYMBOL}`]);
  });

  it("show a gap where the server could not resume", () => {
    const lost: ServerMessage = { type: "resumed", channel: "trades", lost: [SYMBOL, OTHER] };
    const { state, changed } = applyMessage(after(WATCHING, prints(7, trade(7))), lost, 0);
    expect(state.trades.get(SYMBOL)?.missed).toBe("some");
    expect(changed).toEqual([`trades ${SYMBOL}`]);
  });

  it("show a gap where the server did not see the market", () => {
    const state = after(WATCHING, prints(7, trade(7)), { type: "status", upstream: "reconnecting" });
    expect(state.trades.get(SYMBOL)?.missed).toBe("some");
  });
});

describe("epochs", () => {
  const held = after(
    WATCHING,
    welcome("e1"),
    snapshot(500, 10),
    books("snapshot", entry(500, { bids: [[10, 300, 2]] })),
    prints(499, trade(499)),
  );

  it("keeps its sequences in the same epoch", () => {
    const state = after(held, welcome("e1"));
    expect(heldSequence(state, "quote", SYMBOL)).toBe(500);
    expect(heldSequence(state, "trades", SYMBOL)).toBe(499);
  });

  it("forgets them in another, and takes lower ones", () => {
    const state = after(held, welcome("e2"));
    expect(state.epoch).toBe("e2");
    expect(["quote", "depth", "trades"].map((channel) => heldSequence(state, channel as "quote", SYMBOL))).toEqual([
      0, 0, 0,
    ]);
    expect(after(state, snapshot(3, 11)).quote.get(SYMBOL)).toMatchObject({ sequence: 3, bid: 11 });
  });

  it("shows the last prices until the next come, but not the trades", () => {
    const { state, changed } = applyMessage(held, welcome("e2"), 0);
    expect(state.quote.get(SYMBOL)?.bid).toBe(10);
    expect(state.depth.get(SYMBOL)?.bids).toHaveLength(1);
    expect(state.trades.size).toBe(0);
    expect(changed).toContain(`trades ${SYMBOL}`);
  });
});

describe("modes", () => {
  const mode = { ...FULL_MODE, name: "poll" } as const;

  it("are what the server says last", () => {
    const { state, changed } = applyMessage(WATCHING, { type: "mode", mode }, 0);
    expect(state).toEqual({ ...WATCHING, mode });
    expect(changed).toEqual([MODE]);
  });

  it("are full on a new connection", () => {
    expect(after(WATCHING, { type: "mode", mode }, welcome("e1")).mode).toBe(FULL_MODE);
  });
});

describe("problems", () => {
  const refusal: ServerMessage = { type: "error", message: "No XNAS:NOPE.", symbol: "XNAS:NOPE" };

  it("keeps the server's sentence beside the symbol", () => {
    const { state, changed } = applyMessage(WATCHING, refusal, 0);
    expect(state.problems.get("quote XNAS:NOPE")).toBe("No XNAS:NOPE.");
    expect(changed).toEqual(["quote XNAS:NOPE"]);
    expect(state.notice).toBeNull();
  });

  it("keeps the channels apart", () => {
    const state = after(WATCHING, { type: "error", message: "No depth.", symbol: SYMBOL, channel: "depth" });
    expect([...state.problems]).toEqual([[`depth ${SYMBOL}`, "No depth."]]);
  });

  it("forgets it once the symbol is subscribed after all", () => {
    const subscribed: ServerMessage = { type: "subscribed", channel: "quote", symbols: ["XNAS:NOPE", SYMBOL] };
    const { state, changed } = applyMessage(after(WATCHING, refusal), subscribed, 0);
    expect(state.problems.size).toBe(0);
    expect(changed).toEqual(["quote XNAS:NOPE"]);
  });

  it("shows what names no symbol as a notice, until dismissed or past", () => {
    const { state, changed } = applyMessage(WATCHING, { type: "error", message: "At most 1000 symbols." }, 0);
    expect(state.notice).toBe("At most 1000 symbols.");
    expect(changed).toEqual([NOTICE]);
    expect(withoutNotice(state)).toEqual({ state: WATCHING, changed: [NOTICE] });
    expect(withoutNotice(WATCHING).state).toBe(WATCHING);
    expect(after(state, welcome("e1")).notice).toBeNull();
  });
});

describe("watching something else", () => {
  it("drops what is held of the rest, and names it", () => {
    const refusal: ServerMessage = { type: "error", message: "No.", symbol: "XNAS:NOPE" };
    const state = after(WATCHING, snapshot(5, 10), snapshot(5, 10, OTHER), prints(7, trade(7)), refusal);
    const applied = watch(state, watchedOf([OTHER], null, "1m"));
    expect(applied.changed).toEqual([
      `quote ${SYMBOL}`,
      "quote XNAS:NOPE",
      `depth ${SYMBOL}`,
      `trades ${SYMBOL}`,
      `candles:1m ${SYMBOL}`,
    ]);
    expect([...applied.state.quote.keys()]).toEqual([OTHER]);
    expect(applied.state.trades.size + applied.state.problems.size).toBe(0);
  });

  it("keeps all when there is more", () => {
    const watched = watchedOf([SYMBOL, OTHER, "XNAS:NOPE", "XNAS:MSFT"], SYMBOL, "1m");
    expect(watch(WATCHING, watched)).toEqual({ state: { ...WATCHING, watched }, changed: [] });
  });
});

describe("other messages", () => {
  it("learns the server's clock from welcome and heartbeat", () => {
    const arrivedMs = Date.UTC(2026, 2, 29, 14, 30, 0);
    const serverTimestamp = "2026-03-29T14:30:02.500000000Z";
    for (const message of [{ ...welcome("e1"), serverTimestamp }, { type: "heartbeat", serverTimestamp }] as const) {
      expect(offsetMs(applyMessage(WATCHING, message as ServerMessage, arrivedMs).state.clock)).toBe(2_500);
    }
  });

  it.each(["soon", null])("keeps the clock when the time is %s", (serverTimestamp) => {
    expect(after(WATCHING, { type: "heartbeat", serverTimestamp })).toBe(WATCHING);
  });

  it.each<ServerMessage>([
    { type: "status", upstream: "live" },
    { type: "closing", retryAfterMs: 5 },
    { type: "resumed", channel: "quote", lost: [SYMBOL] },
    { type: "subscribed", channel: "quote", symbols: [SYMBOL] },
  ])("changes nothing: $type", (message) => {
    expect(applyMessage(WATCHING, message, 0)).toEqual({ state: WATCHING, changed: [] });
  });
});

describe("alerts", () => {
  const FIRED: ServerMessage = { type: "alert_fired", firing: FIRING };

  it("that fired are held and told", () => {
    const { state, changed } = applyMessage(EMPTY_MARKET, FIRED, 0);
    expect(changed).toEqual([ALERTS]);
    expect(state.alerts).toMatchObject({ count: 1, news: [FIRING] });
    expect(applyMessage(state, FIRED, 0)).toEqual({ state, changed: [] });
  });

  it("that were looked at are told, too", () => {
    const { state, changed } = changeAlerts(after(EMPTY_MARKET, FIRED), withAllSeen);
    expect(changed).toEqual([ALERTS]);
    expect(state.alerts.count).toBe(0);
  });

  it("that cannot be told just now are no notice", () => {
    const error: ServerMessage = { type: "error", message: "Not now.", alerts: true, retryAfterMs: 900 };
    expect(applyMessage(EMPTY_MARKET, error, 0)).toEqual({ state: EMPTY_MARKET, changed: [] });
  });
});
