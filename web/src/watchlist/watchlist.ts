import type { KeyValueStore } from "../account/saved-login";
import type { MarketApi } from "../api/market";
import { ApiError } from "../api/problem";
import {
  FIRST_TICKERS,
  WATCHLIST_LIMIT,
  type WatchEntry,
  addEntry,
  neighbourOf,
  parseEntries,
  removeEntry,
  resolveEntry,
  resolvedEntry,
  serialiseEntries,
  storageKey,
  unresolvedEntry,
} from "./entries";

export interface WatchlistState {
  readonly entries: readonly WatchEntry[];
  readonly selected: string | null;
}

/** One user's watchlist and selection, saved on this device with every change. */
export class Watchlist {
  private current: WatchlistState;
  private readonly key: string;
  private readonly listeners = new Set<() => void>();
  private resolving = false;

  constructor(
    email: string,
    private readonly store: KeyValueStore,
    private readonly api: MarketApi,
  ) {
    this.key = storageKey(email);
    const entries = parseEntries(store.getItem(this.key)) ?? FIRST_TICKERS.map(unresolvedEntry);
    this.current = { entries, selected: null };
  }

  readonly state = (): WatchlistState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  has(symbol: string): boolean {
    return this.current.entries.some((entry) => entry.symbol === symbol);
  }

  /** Add and select. Returns why not, or null. */
  add(symbol: string, name: string | null): string | null {
    if (!this.has(symbol) && this.current.entries.length >= WATCHLIST_LIMIT) {
      return `The watchlist holds ${WATCHLIST_LIMIT} symbols at most.`;
    }
    this.become({ entries: addEntry(this.current.entries, resolvedEntry(symbol, name)), selected: symbol });
    return null;
  }

  remove(symbol: string): void {
    const { entries, selected } = this.current;
    const next = selected === symbol ? neighbourOf(entries, symbol) : selected;
    this.become({ entries: removeEntry(entries, symbol), selected: next });
  }

  select(symbol: string | null): void {
    if (symbol !== this.current.selected) this.become({ ...this.current, selected: symbol });
  }

  startOver(): void {
    this.become({ entries: FIRST_TICKERS.map(unresolvedEntry), selected: null });
    void this.resolvePending();
  }

  /** Ask the server who the bare tickers are. Those that cannot be asked now stay pending for the next call. */
  async resolvePending(): Promise<void> {
    if (this.resolving) return;
    this.resolving = true;
    const pending = this.current.entries.filter((entry) => !entry.resolved && entry.problem === null);
    await Promise.all(pending.map((entry) => this.resolve(entry)));
    this.resolving = false;
  }

  private async resolve(entry: WatchEntry): Promise<void> {
    let answer: WatchEntry;
    try {
      const { symbol, name } = await this.api.listing(entry.symbol);
      answer = resolvedEntry(symbol, name);
    } catch (error) {
      if (!(error instanceof ApiError) || error.retryable) return;
      answer = { ...entry, problem: error.message };
    }
    const { entries, selected } = this.current;
    this.become({
      entries: resolveEntry(entries, entry.symbol, answer),
      selected: selected === entry.symbol ? answer.symbol : selected,
    });
  }

  private become(state: WatchlistState): void {
    this.current = state;
    this.store.setItem(this.key, serialiseEntries(state.entries));
    for (const listener of this.listeners) listener();
  }
}
