/** The boundary: reads the server's frames, checks every field the page uses, and gives it the page's name. */

import { firing } from "../alerts/firings";
import { type Fields, MalformedError, count, list, number, oneOf, record, string } from "../api/fields";
import { valuation, valuationChange } from "../portfolio/valuation";
import {
  type BookChange,
  CANDLE_CHANNELS,
  CHANNELS,
  type Candle,
  type CandleChannel,
  type CandlesChange,
  type Channel,
  type DataMessage,
  type DepthLevel,
  MODE_NAMES,
  type Mode,
  type Print,
  type PrintsChange,
  type QuoteChange,
  type ServerMessage,
} from "./messages";

/** The wire's short names of prices, which may be null, and of sizes, which may not. */
const PRICES = [
  ["b", "bid"],
  ["a", "ask"],
  ["l", "last"],
  ["o", "open"],
  ["hi", "high"],
  ["lo", "low"],
  ["pc", "previousClose"],
] as const;
const SIZES = [
  ["bz", "bidSize"],
  ["az", "askSize"],
  ["lz", "lastSize"],
  ["v", "volume"],
] as const;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Read one text frame. Null for what this page does not know or need: a newer server may say more. */
export function readMessage(text: string): ServerMessage | null {
  try {
    return serverMessage(record(JSON.parse(text)));
  } catch (error) {
    if (error instanceof MalformedError || error instanceof SyntaxError) return null;
    throw error;
  }
}

function serverMessage(fields: Fields): ServerMessage | null {
  const { type } = fields;
  switch (type) {
    case "welcome":
      return { type, epoch: string(fields["epoch"]), serverTimestamp: timestamp(fields["server_timestamp"]) };
    case "heartbeat":
      return { type, serverTimestamp: timestamp(fields["server_timestamp"]) };
    case "subscribed":
      return { type, channel: channel(fields["channel"]), symbols: list(fields["symbols"], string) };
    case "resumed":
      return { type, channel: channel(fields["channel"]), lost: list(fields["lost"], string) };
    case "snapshot":
    case "update":
      return dataMessage(type, fields);
    case "status":
      return { type, upstream: oneOf(["live", "reconnecting"], fields["upstream"]) };
    case "mode":
      return { type, mode: mode(fields) };
    case "error":
      return {
        type,
        message: string(fields["message"]),
        ...("symbol" in fields && { symbol: string(fields["symbol"]) }),
        ...("channel" in fields && { channel: channel(fields["channel"]) }),
        ...("portfolio" in fields && { portfolio: string(fields["portfolio"]) }),
        ...(fields["alerts"] === true && { alerts: true }),
        ...("retry_after_ms" in fields && { retryAfterMs: count(fields["retry_after_ms"]) }),
      };
    case "portfolio":
      return { type, number: count(fields["n"]), valuation: valuation(fields["valuation"]) };
    case "portfolio_update":
      return { type, number: count(fields["n"]), change: valuationChange(fields["valuation"]) };
    case "alerts":
      return { type, firings: list(fields["firings"], firing), total: count(fields["total"]) };
    case "alert_fired":
      return { type, firing: firing(fields["firing"]) };
    case "closing":
      return { type, retryAfterMs: count(fields["retry_after_ms"]) };
    default:
      return null;
  }
}

function dataMessage(type: "snapshot" | "update", fields: Fields): DataMessage {
  const { quote = [], depth = [], trades = [] } = fields;
  const present = CANDLE_CHANNELS.filter((name) => name in fields);
  return {
    type,
    quotes: list(quote, quoteChange),
    books: list(depth, bookChange),
    prints: list(trades, printsChange),
    candles: present.flatMap((name) => list(fields[name], (value) => candlesChange(name, value))),
  };
}

function mode(fields: Fields): Mode {
  const { on_demand: onDemand = [], poll_after_ms: pollAfterMs } = fields;
  const names = list(fields["channels"], string);
  return {
    name: oneOf(MODE_NAMES, fields["mode"]),
    channels: CHANNELS.filter((name) => names.includes(name)),
    onDemand: list(onDemand, string),
    pollAfterMs: pollAfterMs === undefined ? null : count(pollAfterMs),
  };
}

function quoteChange(value: unknown): QuoteChange {
  const fields = record(value);
  const change: Writable<QuoteChange> = stamp(fields);
  for (const [short, name] of PRICES) {
    if (short in fields) change[name] = fields[short] === null ? null : number(fields[short]);
  }
  for (const [short, name] of SIZES) {
    if (short in fields) change[name] = number(fields[short]);
  }
  if ("f" in fields) change.flags = count(fields["f"]);
  return change;
}

function bookChange(value: unknown): BookChange {
  const fields = record(value);
  return {
    ...stamp(fields),
    ...("bids" in fields && { bids: list(fields["bids"], level) }),
    ...("asks" in fields && { asks: list(fields["asks"], level) }),
  };
}

function level(value: unknown): DepthLevel {
  const [price, size, orders] = list(value, number);
  return [number(price), number(size), count(orders)];
}

function printsChange(value: unknown): PrintsChange {
  const { s, q, trades, missed = 0 } = record(value);
  return { symbol: string(s), sequence: count(q), prints: list(trades, print), missed: count(missed) };
}

function print(value: unknown): Print {
  const { q, t, p, z, i, x } = record(value);
  return {
    kind: x === undefined ? "trade" : "withdrawal",
    sequence: count(q),
    tradeUs: time(x ?? t),
    price: number(p),
    size: number(z),
    id: string(i),
  };
}

function candlesChange(name: CandleChannel, value: unknown): CandlesChange {
  const { s, q, c, missed = 0 } = record(value);
  return { channel: name, symbol: string(s), sequence: count(q), candles: ascending(list(c, candle)), missed: count(missed) };
}

function candle(value: unknown): Candle {
  const { t, o, h, l, c, v, w = null, n, e = 0, x = 0, f = 0, k = 0 } = record(value);
  const blank = k === 1 || o === null;
  return {
    startS: count(t),
    open: blank ? 0 : number(o),
    high: blank ? 0 : number(h),
    low: blank ? 0 : number(l),
    close: blank ? 0 : number(c),
    volume: number(v),
    vwap: w === null ? null : number(w),
    trades: count(n),
    revision: count(e),
    extended: x === 1,
    closed: f === 1,
    blank,
  };
}

/** Whoever merges lists of candles relies on it. */
function ascending(candles: Candle[]): Candle[] {
  if (candles.some(({ startS }, index) => startS <= (candles[index - 1]?.startS ?? -1))) {
    throw new MalformedError("candles are not in order");
  }
  return candles;
}

function stamp({ s, q, t, r }: Fields) {
  return { symbol: string(s), sequence: count(q), eventUs: time(t), receivedUs: time(r) };
}

/** 0 is the wire's way to say that there is none. */
function time(value: unknown): number | null {
  return count(value) || null;
}

function timestamp(value: unknown): string | null {
  return value === null ? null : string(value);
}

function channel(value: unknown): Channel {
  return oneOf(CHANNELS, value);
}
