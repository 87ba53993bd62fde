import { mergeCandles } from "./candle-order";
import type { Candle, CandlesChange } from "./messages";

/** As many as the stream remembers of one instrument; older ones are asked for by HTTP. */
export const RECENT_CANDLES = 300;

/** What the stream told of one instrument's candles of one length. */
export interface RecentCandles {
  readonly sequence: number;
  /** Oldest first. */
  readonly candles: readonly Candle[];
  /** Grows whenever candles may have changed of which nothing was told: others hold more, and have to ask again. */
  readonly gaps: number;
}

const NO_CANDLES: RecentCandles = { sequence: 0, candles: [], gaps: 0 };

/** Take the candles in; a snapshot's are no different from an update's. */
export function takeCandles(held: RecentCandles = NO_CANDLES, change: CandlesChange): RecentCandles {
  const candles = mergeCandles(held.candles, change.candles).slice(-RECENT_CANDLES);
  const sequence = Math.max(held.sequence, change.sequence);
  return { sequence, candles, gaps: held.gaps + (change.missed > 0 ? 1 : 0) };
}

/** Candles may have changed here, and the server cannot say which. */
export function withCandleGap(recent: RecentCandles): RecentCandles {
  return { ...recent, gaps: recent.gaps + 1 };
}

/** The sequence is of another epoch; what the candles are does not hang on it. */
export function withoutSequence(recent: RecentCandles): RecentCandles {
  return withCandleGap({ ...recent, sequence: 0 });
}
