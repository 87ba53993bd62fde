import { useCallback, useEffect } from "react";
import { useDesk } from "../desk/desk-context";
import { usePortfolio } from "../stream/hooks";
import { useAsked } from "../asking/use-asked";
import type { Valuation } from "./valuation";

const ASK_EVERY_MS = 5000;
/** The stream does not say that a portfolio was closed. */
const CHECK_EVERY_MS = 30_000;
const NOT_FOUND = 404;

export interface Valued {
  readonly valuation: Valuation | null;
  /** Why it is not shown, or not as of now. */
  readonly problem: string | null;
}

/** One portfolio as it is now: from the stream, and asked for as long as the stream has nothing of it. */
export function useValuation(id: string): Valued {
  const { portfolios, market } = useDesk();
  useEffect(() => {
    market.watchPortfolio(id);
    return () => market.watchPortfolio(null);
  }, [market, id]);
  const watched = usePortfolio();
  const live = watched?.id === id ? watched : null;
  const isLive = live !== null && live.number !== null;
  const ask = useCallback((signal: AbortSignal) => portfolios.valuation(id, signal), [portfolios, id]);
  const asked = useAsked(ask, isLive ? CHECK_EVERY_MS : ASK_EVERY_MS);
  if (asked.problem?.status === NOT_FOUND) return { valuation: null, problem: asked.problem.message };
  if (isLive) return { valuation: live.valuation, problem: null };
  return {
    valuation: later(live?.valuation ?? null, asked.answer),
    problem: asked.problem?.message ?? live?.problem ?? null,
  };
}

export function later(one: Valuation | null, other: Valuation | null): Valuation | null {
  if (one === null || other === null) return one ?? other;
  return one.asOf > other.asOf ? one : other;
}
