import type { Candle, CandlesChange, DataMessage } from "./messages";

/** The candle of a minute, counted from 2026-03-29 14:30 UTC, that closed at 10 after one trade. */
export function candleOf(minute: number, fields: Partial<Candle> = {}): Candle {
  return {
    startS: 1774794600 + 60 * minute,
    open: 10,
    high: 10,
    low: 10,
    close: 10,
    volume: 100,
    vwap: 10,
    trades: 1,
    revision: 0,
    extended: false,
    closed: true,
    blank: false,
    ...fields,
  };
}

export function candlesMessage(symbol: string, sequence: number, candles: readonly Candle[], missed = 0): DataMessage {
  const change: CandlesChange = { channel: "candles:1m", symbol, sequence, candles, missed };
  return { type: "update", quotes: [], books: [], prints: [], candles: [change] };
}
