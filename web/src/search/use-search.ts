import { useEffect, useState } from "react";
import type { Instrument, MarketApi } from "../api/market";
import { ApiError } from "../api/problem";

const PAUSE_MS = 120;
const RESULTS = 12;

export interface SearchOutcome {
  /** The query that these results answer. */
  readonly query: string;
  readonly results: readonly Instrument[];
  readonly error: string | null;
}

export const NO_OUTCOME: SearchOutcome = { query: "", results: [], error: null };

/** Results for what is being typed: asked after a short pause, and a question is dropped when the next one comes. */
export function useSearch(api: MarketApi, text: string): SearchOutcome {
  const [outcome, setOutcome] = useState(NO_OUTCOME);
  const query = text.trim();
  useEffect(() => {
    if (query === "") return undefined;
    const stale = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const results = await api.search(query, RESULTS, stale.signal);
        if (!stale.signal.aborted) setOutcome({ query, results, error: null });
      } catch (error) {
        if (stale.signal.aborted) return;
        const sentence = error instanceof ApiError ? error.message : "The search failed.";
        setOutcome({ query, results: [], error: sentence });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stale.abort();
    };
  }, [api, query]);
  return query === "" ? NO_OUTCOME : outcome;
}
