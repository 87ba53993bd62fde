import type { Book, BookChange, Quote, QuoteChange } from "./messages";

/**
 * What becomes of a held image when an entry of the server's comes: the next image, or the held one where the entry is
 * passed over. A snapshot is whole, so one of the held sequence may replace it; an update is a difference and must be
 * newer. An update of what is not held is nothing: its snapshot is on the way, or nobody watches it any more.
 */
export type Merge<T, C> = (held: T | undefined, change: C, isSnapshot: boolean) => T | undefined;

export const mergeQuote: Merge<Quote, QuoteChange> = (held, change, isSnapshot) =>
  takes(held, change, isSnapshot) ? { ...(isSnapshot || held === undefined ? BLANK_QUOTE : held), ...change } : held;

export const mergeBook: Merge<Book, BookChange> = (held, change, isSnapshot) =>
  takes(held, change, isSnapshot) ? { ...(isSnapshot || held === undefined ? BLANK_BOOK : held), ...change } : held;

function takes(held: { sequence: number } | undefined, change: { sequence: number }, isSnapshot: boolean): boolean {
  if (held === undefined) return isSnapshot;
  return isSnapshot ? change.sequence >= held.sequence : change.sequence > held.sequence;
}

const BLANK_QUOTE = {
  bid: null,
  bidSize: 0,
  ask: null,
  askSize: 0,
  last: null,
  lastSize: 0,
  open: null,
  high: null,
  low: null,
  volume: 0,
  previousClose: null,
  flags: 0,
} as const;

const BLANK_BOOK = { bids: [], asks: [] } as const;
