import { describe, expect, it } from "vitest";
import { mergeCandles } from "./candle-order";
import { candleOf, candlesMessage } from "./candles.fixture";
import { EMPTY_MARKET, type MarketState, applyMessage, heldSequence, watch } from "./market-state";
import type { ServerMessage } from "./messages";
import { RECENT_CANDLES } from "./recent-candles";
import { watchedOf } from "./subscriptions";

const SYMBOL = "XNAS:AAPL";
const WATCHING: MarketState = { ...EMPTY_MARKET, watched: watchedOf([SYMBOL], SYMBOL, "1m") };

const after = (...messages: ServerMessage[]) =>
  messages.reduce((state, message) => applyMessage(state, message, 0).state, WATCHING);
const recent = (state: MarketState) => state["candles:1m"].get(SYMBOL);
const message = (sequence: number, ...minutes: number[]) =>
  candlesMessage(SYMBOL, sequence, minutes.map((minute) => candleOf(minute)));

describe("two states of a candle", () => {
  it.each([
    ["more trades", { trades: 3, revision: 0 }, { trades: 2, revision: 0 }],
    ["a higher revision with fewer trades", { trades: 1, revision: 2 }, { trades: 9, revision: 1 }],
    ["the same, closed", { trades: 2, closed: true }, { trades: 2, closed: false }],
    ["the regular session's, of two that begin together", { extended: false, trades: 1 }, { extended: true, trades: 9 }],
  ])("%s stands, whichever comes first", (_, fields, others) => {
    const [stands, falls] = [candleOf(1, fields), candleOf(1, others)];
    expect(mergeCandles([falls], [stands])).toEqual([stands]);
    expect(mergeCandles([stands], [falls])).toEqual([stands]);
  });

  it("keeps a withdrawn candle against its older states", () => {
    const gone = candleOf(1, { blank: true, trades: 0, revision: 1 });
    expect(mergeCandles([gone], [candleOf(1, { trades: 5 })])).toEqual([gone]);
  });

  it("keeps what it holds when the same comes again", () => {
    const held = [candleOf(1), candleOf(2)];
    expect(mergeCandles(held, [candleOf(2)])).toBe(held);
  });

  it("takes the same with its indicators", () => {
    const [known] = mergeCandles([candleOf(1)], [candleOf(1, { indicators: [1] })]);
    expect(known?.indicators).toEqual([1]);
  });

  it("puts new ones where they belong", () => {
    const merged = mergeCandles([candleOf(2), candleOf(4)], [candleOf(1), candleOf(3), candleOf(4), candleOf(5)]);
    expect(merged).toEqual([1, 2, 3, 4, 5].map((minute) => candleOf(minute)));
  });
});

describe("candles of the stream", () => {
  it("are held of what is watched, in the channel that they came in", () => {
    const applied = applyMessage(WATCHING, message(5, 1, 2), 0);
    expect(applied.changed).toEqual([`candles:1m ${SYMBOL}`]);
    expect(recent(applied.state)).toEqual({ sequence: 5, candles: [candleOf(1), candleOf(2)], gaps: 0 });
    expect(heldSequence(applied.state, "candles:1m", SYMBOL)).toBe(5);
    const other = candlesMessage("XNYS:JPM", 5, [candleOf(1)]);
    expect(applyMessage(WATCHING, other, 0)).toEqual({ state: WATCHING, changed: [] });
  });

  it("go with the length that is no longer wanted", () => {
    const { state, changed } = watch(after(message(5, 1)), watchedOf([SYMBOL], SYMBOL, "5m"));
    expect(changed).toEqual([`candles:1m ${SYMBOL}`]);
    expect(recent(state)).toBeUndefined();
  });

  it("are bounded: the oldest go", () => {
    const minutes = Array.from({ length: RECENT_CANDLES + 1 }, (_, minute) => minute);
    const held = recent(after(message(5, ...minutes)))?.candles;
    expect([held?.length, held?.[0]]).toEqual([RECENT_CANDLES, candleOf(1)]);
  });

  it.each<[string, ServerMessage]>([
    ["the server left some out", candlesMessage(SYMBOL, 6, [], 4)],
    ["a resumed connection may have missed some", { type: "resumed", channel: "candles:1m", lost: [SYMBOL] }],
    ["the epoch is another", { type: "welcome", epoch: "e2", serverTimestamp: null }],
  ])("count a gap when %s, and stay", (_, news) => {
    const welcome: ServerMessage = { type: "welcome", epoch: "e1", serverTimestamp: null };
    const state = after(welcome, message(5, 1), news);
    expect(recent(state)).toMatchObject({ candles: [candleOf(1)], gaps: 1 });
  });

  it("have no sequence after another epoch", () => {
    const state = after(
      { type: "welcome", epoch: "e1", serverTimestamp: null },
      message(5, 1),
      { type: "welcome", epoch: "e2", serverTimestamp: null },
    );
    expect(heldSequence(state, "candles:1m", SYMBOL)).toBe(0);
  });
});
