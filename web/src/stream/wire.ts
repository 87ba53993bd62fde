/** The boundary: reads the server's frames, checks every field the page uses, and gives it the page's name. */

import {
  type BookChange,
  CHANNELS,
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
type Fields = Readonly<Record<string, unknown>>;

/** A frame is not what the protocol says; nothing of it is used. */
class MalformedError extends Error {
  override readonly name = "MalformedError";
}

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
        ...("retry_after_ms" in fields && { retryAfterMs: count(fields["retry_after_ms"]) }),
      };
    case "closing":
      return { type, retryAfterMs: count(fields["retry_after_ms"]) };
    default:
      return null;
  }
}

function dataMessage(type: "snapshot" | "update", { quote = [], depth = [], trades = [] }: Fields): DataMessage {
  return {
    type,
    quotes: list(quote, quoteChange),
    books: list(depth, bookChange),
    prints: list(trades, printsChange),
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

function oneOf<T extends string>(names: readonly T[], value: unknown): T {
  const name = names.find((each) => each === value);
  if (name === undefined) throw new MalformedError(`${String(value)} is none of ${names.join(", ")}`);
  return name;
}

function record(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new MalformedError("not an object");
}

function list<T>(value: unknown, item: (value: unknown) => T): T[] {
  if (!Array.isArray(value)) throw new MalformedError("not a list");
  return value.map(item);
}

function string(value: unknown): string {
  if (typeof value !== "string") throw new MalformedError("not a string");
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new MalformedError("not a number");
  return value;
}

/** Not negative, whole, and below 2^53, where a float64 is exact. */
function count(value: unknown): number {
  const given = number(value);
  if (given < 0 || !Number.isSafeInteger(given)) throw new MalformedError(`${given} counts nothing`);
  return given;
}
