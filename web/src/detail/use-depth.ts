import { useEffect, useState } from "react";
import type { MarketApi, QuoteDetail } from "../api/market";
import { ApiError } from "../api/problem";

const POLL_MS = 1000;

export interface DepthFeed {
  readonly detail: QuoteDetail | null;
  /** Why the depth shown is not fresh, in the server's words. */
  readonly error: string | null;
}

/**
 * The depth of one instrument, asked for once a second while the page is visible: the next question goes out a second
 * after the last answer, so a slow server is never asked twice at once. Everything about how depth arrives is in here.
 */
export function useDepth(api: MarketApi, symbol: string): DepthFeed {
  const [feed, setFeed] = useState<DepthFeed>({ detail: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async () => {
      if (document.visibilityState === "visible") {
        const next = await ask(api, symbol, stop.signal);
        if (stop.signal.aborted) return;
        setFeed((held) => ({ detail: next.detail ?? held.detail, error: next.error }));
      }
      timer = setTimeout(() => void poll(), POLL_MS);
    };
    void poll();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [api, symbol]);
  return feed;
}

async function ask(api: MarketApi, symbol: string, signal: AbortSignal): Promise<DepthFeed> {
  try {
    return { detail: await api.quote(symbol, signal), error: null };
  } catch (error) {
    return { detail: null, error: error instanceof ApiError ? error.message : "The depth could not be loaded." };
  }
}
