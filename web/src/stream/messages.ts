/**
 * What page and server say to each other on `/stream`, protocol 2, in the page's words: `wire.ts` reads the server's
 * short ones. Times are whole microseconds since 1970 UTC, null where there is none; sequences stay below 2^53.
 */

export const CHANNELS = ["quote", "depth", "trades"] as const;
export type Channel = (typeof CHANNELS)[number];

/** Where an entry stands: every entry of every channel has these. */
interface Stamp {
  readonly symbol: string;
  /** Given by the feed, the same at every gateway of one epoch; grows with every event of this instrument. */
  readonly sequence: number;
  /** The exchange's time. */
  readonly eventUs: number | null;
  /** When the platform received it. */
  readonly receivedUs: number | null;
}

/** An instrument's present state. Prices are null while unknown. */
export interface Quote extends Stamp {
  readonly bid: number | null;
  readonly bidSize: number;
  readonly ask: number | null;
  readonly askSize: number;
  readonly last: number | null;
  readonly lastSize: number;
  readonly open: number | null;
  readonly high: number | null;
  readonly low: number | null;
  readonly volume: number;
  readonly previousClose: number | null;
  /** Bits; see `isHalted`. */
  readonly flags: number;
}

export type QuoteChange = Stamp & Partial<Quote>;

const HALTED = 1;

/** Halted, paused or otherwise not available for trading. */
export function isHalted(quote: Quote | undefined): boolean {
  return quote !== undefined && (quote.flags & HALTED) !== 0;
}

export type DepthLevel = readonly [price: number, size: number, orders: number];

/** Best first. */
export interface Book extends Stamp {
  readonly bids: readonly DepthLevel[];
  readonly asks: readonly DepthLevel[];
}

/** A side that changed is there as a whole. */
export type BookChange = Stamp & Partial<Book>;

/** A trade, or the withdrawal of an earlier one, whose price, size and id it repeats. */
export interface Print {
  readonly kind: "trade" | "withdrawal";
  readonly sequence: number;
  /** Of the trade, also in its withdrawal; null where the venue does not tell. */
  readonly tradeUs: number | null;
  readonly price: number;
  readonly size: number;
  /** The venue's own; `NO_TRADE_ID` where it has none. */
  readonly id: string;
}

export const NO_TRADE_ID = "0";

/** The prints since the last, oldest first. */
export interface PrintsChange {
  readonly symbol: string;
  readonly sequence: number;
  readonly prints: readonly Print[];
  /** How many were left out before these. */
  readonly missed: number;
}

export type Upstream = "live" | "reconnecting";

export const MODE_NAMES = ["full", "slower", "quotes_only", "most_watched", "poll"] as const;

/** What an overloaded server leaves out. */
export interface Mode {
  readonly name: (typeof MODE_NAMES)[number];
  /** The channels that are sent. */
  readonly channels: readonly Channel[];
  /** Watched, but not sent: to be asked for. */
  readonly onDemand: readonly string[];
  /** How often to ask for what is not sent. */
  readonly pollAfterMs: number | null;
}

/** `snapshot` holds whole images, `update` what changed since the last frame. */
export interface DataMessage {
  readonly type: "snapshot" | "update";
  readonly quotes: readonly QuoteChange[];
  readonly books: readonly BookChange[];
  readonly prints: readonly PrintsChange[];
}

/** Those of the server's messages that the page acts upon. */
export type ServerMessage =
  | { type: "welcome"; epoch: string; serverTimestamp: string | null }
  | { type: "heartbeat"; serverTimestamp: string | null }
  | { type: "subscribed"; channel: Channel; symbols: readonly string[] }
  | { type: "resumed"; channel: Channel; lost: readonly string[] }
  | DataMessage
  | { type: "status"; upstream: Upstream }
  | { type: "mode"; mode: Mode }
  | { type: "error"; message: string; symbol?: string; channel?: Channel; retryAfterMs?: number }
  | { type: "closing"; retryAfterMs: number };

export type ClientMessage =
  | { action: "subscribe" | "unsubscribe"; channel: Channel; symbols: readonly string[] }
  | { action: "reconnect"; channel: Channel; epoch: string; last_seen: Readonly<Record<string, number>> }
  | { action: "snapshot"; symbols: readonly string[] }
  /** Frames a second at most, of this connection. */
  | { action: "rate"; rate: number }
  | { action: "auth"; token: string }
  | { action: "ping" };
