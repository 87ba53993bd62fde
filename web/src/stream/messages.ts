/** The `/stream` protocol in JSON: what may arrive, what may be sent, and the parser at the boundary. */

/** An instrument's present state. Prices and sizes are null while unknown. */
export interface Quote {
  readonly symbol: string;
  readonly bid: number | null;
  readonly bid_size: number | null;
  readonly ask: number | null;
  readonly ask_size: number | null;
  readonly last: number | null;
  readonly last_size: number | null;
  readonly open: number | null;
  readonly high: number | null;
  readonly low: number | null;
  readonly volume: number | null;
  readonly prev_close: number | null;
  /** Grows with every change of this instrument, across restarts too; below 2^53. */
  readonly seq: number;
  /** The exchange's time, ISO-8601 with nanoseconds. */
  readonly ts_event: string | null;
  /** When the platform received it. */
  readonly ts_recv: string | null;
}

/** Some fields of a quote, always with its symbol and sequence. */
export type QuoteChange = Partial<Quote> & Pick<Quote, "symbol" | "seq">;

export type Upstream = "live" | "reconnecting";

export type ServerMessage =
  | { type: "welcome"; server_timestamp: string }
  | { type: "subscribed" | "unsubscribed"; symbols: readonly string[] }
  | ({ type: "snapshot" } & QuoteChange)
  | { type: "update"; updates: readonly QuoteChange[] }
  | { type: "resumed"; changed: readonly string[]; unchanged: readonly string[] }
  | { type: "status"; upstream: Upstream }
  | { type: "heartbeat"; server_timestamp: string }
  | { type: "error"; code: string; message: string; symbol?: string }
  | { type: "pong" };

export type ClientMessage =
  | { action: "subscribe" | "unsubscribe"; symbols: readonly string[] }
  | { action: "reconnect"; last_seen: Readonly<Record<string, string>> }
  | { action: "auth"; token: string }
  | { action: "ping" };

/** Read one text frame. Null for what this page does not know: a newer server may say more. */
export function parseMessage(text: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isServerMessage(value) ? value : null;
}

function isServerMessage(value: unknown): value is ServerMessage {
  if (!isRecord(value)) return false;
  switch (value["type"]) {
    case "welcome":
    case "heartbeat":
      return typeof value["server_timestamp"] === "string";
    case "subscribed":
    case "unsubscribed":
      return isStrings(value["symbols"]);
    case "snapshot":
      return isQuoteChange(value);
    case "update":
      return Array.isArray(value["updates"]) && value["updates"].every(isQuoteChange);
    case "resumed":
      return isStrings(value["changed"]) && isStrings(value["unchanged"]);
    case "status":
      return value["upstream"] === "live" || value["upstream"] === "reconnecting";
    case "error":
      return typeof value["code"] === "string" && typeof value["message"] === "string";
    case "pong":
      return true;
    default:
      return false;
  }
}

function isQuoteChange(value: unknown): value is QuoteChange {
  return isRecord(value) && typeof value["symbol"] === "string" && Number.isSafeInteger(value["seq"]);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
