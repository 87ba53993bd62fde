import type { AlertsMessage } from "../alerts/live-alerts";
import type { PortfolioMessage } from "../portfolio/live-portfolio";

/**
 * What page and server say to each other on `/stream`, protocol 2, in the page's words: `wire.ts` reads the server's
 * short ones. Times are whole microseconds since 1970 UTC, null where there is none; sequences stay below 2^53.
 */

/** How long a candle is: "1m" is a minute, "1M" a month. */
export const INTERVALS = ["1m", "5m", "15m", "1h", "1d", "1w", "1M"] as const;
export type Interval = (typeof INTERVALS)[number];

export type CandleChannel = `candles:${Interval}`;
export const CANDLE_CHANNELS = INTERVALS.map((interval): CandleChannel => `candles:${interval}`);

export const CHANNELS = ["quote", "depth", "trades", ...CANDLE_CHANNELS] as const;
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

/**
 * The values of each indicator that the page draws at one candle, by line, in the order of `chart/indicators.ts`; null
 * where there were not enough candles before it.
 */
export type IndicatorValues = readonly (number | null)[];

/** One window of trading. Its start names it; revision, and then trades, say which of two states of it is the later. */
export interface Candle {
  /** Seconds since 1970 UTC; of days, weeks and months midnight UTC of their first date. */
  readonly startS: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** Null where nothing was traded. */
  readonly vwap: number | null;
  readonly trades: number;
  /** Counts amendments by late trades and corrections. */
  readonly revision: number;
  /** Traded outside the regular session. */
  readonly extended: boolean;
  readonly closed: boolean;
  /** It has no price, or none any more: not to be drawn, and nothing older may take its place. */
  readonly blank: boolean;
  /** The server's, where it gave them. */
  readonly indicators?: IndicatorValues;
}

/** The candles that changed since the last, oldest first. */
export interface CandlesChange {
  readonly channel: CandleChannel;
  readonly symbol: string;
  readonly sequence: number;
  readonly candles: readonly Candle[];
  /** How many changed ones were left out before these. */
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
  readonly candles: readonly CandlesChange[];
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
  | ErrorMessage
  | PortfolioMessage
  | AlertsMessage
  | { type: "closing"; retryAfterMs: number };

/** What the server refuses or cannot do, and what that is about: a symbol, a portfolio, alerts, or all of it. */
export interface ErrorMessage {
  readonly type: "error";
  readonly message: string;
  readonly symbol?: string;
  readonly channel?: Channel;
  readonly portfolio?: string;
  readonly alerts?: true;
  readonly retryAfterMs?: number;
}

export type ClientMessage =
  | { action: "subscribe" | "unsubscribe"; channel: Channel; symbols: readonly string[] }
  | { action: "reconnect"; channel: Channel; epoch: string; last_seen: Readonly<Record<string, number>> }
  | { action: "snapshot"; symbols: readonly string[] }
  | { action: "watch_portfolio" | "unwatch_portfolio"; portfolio: string }
  | { action: "watch_alerts" }
  /** Frames a second at most, of this connection. */
  | { action: "rate"; rate: number }
  | { action: "auth"; token: string }
  | { action: "ping" };
