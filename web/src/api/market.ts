import type { Interval } from "../stream/messages";
import { type CandlePage, candlePage, candlesPath } from "./candles";
import { requestJson } from "./http";
import { ApiError } from "./problem";

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

export interface TokenSource {
  accessToken(options: { renew: boolean }): Promise<string>;
}

/** The market data endpoints. A refused token is renewed once, then the request is made once more. */
export function marketApi(origin: string, tokens: TokenSource): MarketApi {
  const get = async <T>(path: string, signal?: AbortSignal): Promise<T> => {
    const attempt = async (renew: boolean) =>
      requestJson<T>(`${origin}${path}`, { token: await tokens.accessToken({ renew }), signal });
    try {
      return await attempt(false);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return attempt(true);
      throw error;
    }
  };
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
