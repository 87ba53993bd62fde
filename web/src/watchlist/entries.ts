/** The watchlist as plain values: what is watched, in which order, and how it is saved. */

export interface WatchEntry {
  /** Canonical "VENUE:SYMBOL"; the bare ticker while `resolved` is false. */
  readonly symbol: string;
  readonly name: string | null;
  /** Whether the server has told the canonical symbol. Only then can it be subscribed to. */
  readonly resolved: boolean;
  /** The server's sentence when it does not know the symbol. */
  readonly problem: string | null;
}

export const WATCHLIST_LIMIT = 500;

/** Venues differ between feeds, so the first list names tickers only and the server resolves them. */
export const FIRST_TICKERS: readonly string[] = [
  "AAPL",
  "MSFT",
  "NVDA",
  "AMZN",
  "GOOGL",
  "TSLA",
  "META",
  "JPM",
  "SPY",
  "BRK.B",
];

export function unresolvedEntry(ticker: string): WatchEntry {
  return { symbol: ticker, name: null, resolved: false, problem: null };
}

export function resolvedEntry(symbol: string, name: string | null): WatchEntry {
  return { symbol, name, resolved: true, problem: null };
}

export function addEntry(entries: readonly WatchEntry[], entry: WatchEntry): readonly WatchEntry[] {
  if (entries.length >= WATCHLIST_LIMIT || entries.some(({ symbol }) => symbol === entry.symbol)) return entries;
  return [...entries, entry];
}

export function removeEntry(entries: readonly WatchEntry[], symbol: string): readonly WatchEntry[] {
  return entries.filter((entry) => entry.symbol !== symbol);
}

/** Put the resolved entry where the bare ticker stood, unless it is on the list already. */
export function resolveEntry(
  entries: readonly WatchEntry[],
  ticker: string,
  resolved: WatchEntry,
): readonly WatchEntry[] {
  const known = entries.some((entry) => entry.symbol === resolved.symbol && entry.symbol !== ticker);
  if (known) return removeEntry(entries, ticker);
  return entries.map((entry) => (entry.symbol === ticker ? resolved : entry));
}

/** Who gets the selection when `symbol` goes: the next one, else the one before. */
export function neighbourOf(entries: readonly WatchEntry[], symbol: string): string | null {
  const index = entries.findIndex((entry) => entry.symbol === symbol);
  return (entries[index + 1] ?? entries[index - 1])?.symbol ?? null;
}

export function storageKey(email: string): string {
  return `tickmesh.watchlist.${email.toLowerCase()}`;
}

/** Problems are not saved: the next visit may find the symbol listed. */
export function serialiseEntries(entries: readonly WatchEntry[]): string {
  return JSON.stringify(entries.map(({ symbol, name, resolved }) => ({ symbol, name, resolved })));
}

/** Null when nothing usable was saved; entries that are not whole are left out. */
export function parseEntries(text: string | null): readonly WatchEntry[] | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.flatMap(toEntry).slice(0, WATCHLIST_LIMIT) : null;
  } catch {
    return null;
  }
}

function toEntry(value: Partial<WatchEntry> | null): WatchEntry[] {
  if (typeof value?.symbol !== "string") return [];
  const name = typeof value.name === "string" ? value.name : null;
  return [{ symbol: value.symbol, name, resolved: value.resolved === true, problem: null }];
}
