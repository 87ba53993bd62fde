import type { Book, DepthLevel } from "../stream/messages";

export const LEVELS = 10;

export interface LadderRow {
  readonly price: number;
  readonly size: number;
  readonly orders: number;
  /** Its size against the largest on either side, 0 to 1: the length of its bar. */
  readonly share: number;
}

export interface Ladder {
  /** Best first, always `LEVELS` long so that nothing moves when levels come and go; null where there is none. */
  readonly bids: readonly (LadderRow | null)[];
  readonly asks: readonly (LadderRow | null)[];
}

export function ladderOf(book: Pick<Book, "bids" | "asks"> | undefined): Ladder {
  const bids = (book?.bids ?? []).slice(0, LEVELS);
  const asks = (book?.asks ?? []).slice(0, LEVELS);
  const largest = Math.max(1, ...bids.map(sizeOf), ...asks.map(sizeOf));
  return { bids: rows(bids, largest), asks: rows(asks, largest) };
}

export interface Spread {
  readonly absolute: number;
  /** Hundredths of a percent of the mid price. */
  readonly basisPoints: number;
}

/** Null when a side is missing or the book is crossed, where a spread means nothing. */
export function spreadOf(bid: number | null, ask: number | null): Spread | null {
  if (bid === null || ask === null || ask < bid || bid <= 0) return null;
  return { absolute: ask - bid, basisPoints: ((ask - bid) / ((ask + bid) / 2)) * 10_000 };
}

function rows(levels: readonly DepthLevel[], largest: number): (LadderRow | null)[] {
  return Array.from({ length: LEVELS }, (_, index) => {
    const level = levels[index];
    if (level === undefined) return null;
    const [price, size, orders] = level;
    return { price, size, orders, share: size / largest };
  });
}

function sizeOf(level: DepthLevel): number {
  return level[1];
}
