import type { ClientMessage, Quote } from "./messages";

/** Symbols in one message: some 15 KB with a timestamp each, far below any frame limit. */
export const SYMBOLS_PER_MESSAGE = 250;

export interface SymbolDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export function diffSymbols(before: ReadonlySet<string>, after: ReadonlySet<string>): SymbolDiff {
  return {
    added: [...after].filter((symbol) => !before.has(symbol)),
    removed: [...before].filter((symbol) => !after.has(symbol)),
  };
}

/** The messages that turn the server's subscriptions from the one set into the other. */
export function diffMessages({ added, removed }: SymbolDiff): ClientMessage[] {
  return [
    ...chunks(removed).map((symbols): ClientMessage => ({ action: "unsubscribe", symbols })),
    ...chunks(added).map((symbols): ClientMessage => ({ action: "subscribe", symbols })),
  ];
}

/**
 * The first messages on a new connection: for what we hold a quote of, only changes since then are wanted; the rest is
 * subscribed to afresh.
 */
export function resumeMessages(wanted: ReadonlySet<string>, quotes: ReadonlyMap<string, Quote>): ClientMessage[] {
  const seen: [string, string][] = [];
  const fresh: string[] = [];
  for (const symbol of wanted) {
    const lastSeen = quotes.get(symbol)?.ts_event;
    if (lastSeen) seen.push([symbol, lastSeen]);
    else fresh.push(symbol);
  }
  return [
    ...chunks(seen).map((part): ClientMessage => ({ action: "reconnect", last_seen: Object.fromEntries(part) })),
    ...chunks(fresh).map((symbols): ClientMessage => ({ action: "subscribe", symbols })),
  ];
}

function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += SYMBOLS_PER_MESSAGE) {
    parts.push(items.slice(start, start + SYMBOLS_PER_MESSAGE));
  }
  return parts;
}
