import type { CandlePage } from "../api/candles";
import { mergeCandles } from "../stream/candle-order";
import type { Candle } from "../stream/messages";

/** As many as a chart holds: two weeks of minutes. Beyond it the oldest go, and none older are asked for. */
export const MOST_CANDLES = 20_000;

/** What a chart holds: pages asked for, and what came on the stream, without a hole between them. */
export interface History {
  /** Oldest first. */
  readonly candles: readonly Candle[];
  /** Whether the server has older ones; null until it has answered once. */
  readonly hasOlder: boolean | null;
  /** The newest page is missing, or may have changed unheard: it has to be asked for. */
  readonly isStale: boolean;
  /** The newest candle from before the stream may have missed some: a hole may follow it. Null where there is none. */
  readonly sureUntilS: number | null;
}

export const NO_HISTORY: History = { candles: [], hasOlder: null, isStale: true, sureUntilS: null };

/** What came on the stream. */
export function withRecent(history: History, recent: readonly Candle[]): History {
  const candles = mergeCandles(history.candles, recent);
  return candles === history.candles ? history : bounded({ ...history, candles });
}

/** The stream may have missed candles from here on. */
export function interrupted(history: History): History {
  const sureUntilS = history.sureUntilS ?? history.candles.at(-1)?.startS ?? null;
  return { ...history, isStale: true, sureUntilS };
}

/** The newest page. What lies beyond a hole before it goes: scrolling back brings it again. */
export function withNewest(history: History, page: CandlePage): History {
  const first = page.candles[0]?.startS ?? 0;
  const isTorn = page.hasOlder && history.sureUntilS !== null && history.sureUntilS < first;
  const kept = isTorn ? history.candles.filter(({ startS }) => startS >= first) : history.candles;
  return bounded({
    candles: mergeCandles(kept, page.candles),
    hasOlder: isTorn ? page.hasOlder : (history.hasOlder ?? page.hasOlder),
    isStale: false,
    sureUntilS: null,
  });
}

/** A page from before the oldest held. */
export function withOlder(history: History, page: CandlePage): History {
  return bounded({ ...history, candles: mergeCandles(history.candles, page.candles), hasOlder: page.hasOlder });
}

/** Where the next older page ends; null where there is none to be had. */
export function olderEndS({ candles, hasOlder, isStale }: History): number | null {
  if (hasOlder !== true || isStale || candles.length >= MOST_CANDLES) return null;
  return candles[0]?.startS ?? null;
}

function bounded(history: History): History {
  if (history.candles.length <= MOST_CANDLES) return history;
  return { ...history, candles: history.candles.slice(-MOST_CANDLES) };
}
