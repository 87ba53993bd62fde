import type { Interval } from "../stream/messages";
import { type TokenSource, authorized } from "./authorized";
import { type CandlePage, candlePage, candlesPath } from "./candles";
import { requestJson } from "./http";

export interface Instrument {
  /** Canonical "VENUE:SYMBOL". */
  symbol: string;
  ticker: string;
  venue: string;
  name: string;
  currency: string;
}

/** The part of `GET /quotes/{symbol}` that the stream does not carry. */
export interface Listing {
  symbol: string;
  name: string;
  currency: string;
}

export interface MarketApi {
  search(query: string, limit: number, signal?: AbortSignal): Promise<readonly Instrument[]>;
  listing(symbol: string, signal?: AbortSignal): Promise<Listing>;
  /** The newest candles, or those before `endS`. */
  candles(symbol: string, interval: Interval, endS: number | null, signal?: AbortSignal): Promise<CandlePage>;
}

/** The market data endpoints. */
export function marketApi(origin: string, tokens: TokenSource): MarketApi {
  const get = <T>(path: string, signal?: AbortSignal): Promise<T> =>
    authorized(tokens, (token) => requestJson<T>(`${origin}${path}`, { token, signal }));
  return {
    search: async (query, limit, signal) => {
      const parameters = new URLSearchParams({ query, limit: String(limit) });
      return (await get<{ symbols: readonly Instrument[] }>(`/symbols?${parameters}`, signal)).symbols;
    },
    listing: (symbol, signal) => get<Listing>(`/quotes/${encodeURIComponent(symbol)}`, signal),
    candles: async (symbol, interval, endS, signal) =>
      candlePage(await get<unknown>(candlesPath(symbol, interval, endS), signal)),
  };
}
