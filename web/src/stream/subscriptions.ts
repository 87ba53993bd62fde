import { CHANNELS, type Channel, type ClientMessage, type Interval } from "./messages";

/** Symbols in one message: some 10 KB with a sequence each, far below any frame limit. */
export const SYMBOLS_PER_MESSAGE = 250;

/** The symbols that are watched, by channel. */
export type Watched = Readonly<Record<Channel, ReadonlySet<string>>>;

const NONE: ReadonlySet<string> = new Set();
export const NOTHING_WATCHED: Watched = {
  quote: NONE,
  depth: NONE,
  trades: NONE,
  "candles:1m": NONE,
  "candles:5m": NONE,
  "candles:15m": NONE,
  "candles:1h": NONE,
  "candles:1d": NONE,
  "candles:1w": NONE,
  "candles:1M": NONE,
};

/**
 * The quotes of a list, and of the one on it that is selected all that there is, with candles of one length. Of `others`
 * the quotes, too.
 */
export function watchedOf(
  listed: readonly string[],
  selected: string | null,
  interval: Interval,
  others: readonly string[] = [],
): Watched {
  const quote = new Set([...listed, ...others]);
  const shown = selected !== null && listed.includes(selected) ? new Set([selected]) : NONE;
  return { ...NOTHING_WATCHED, quote, depth: shown, trades: shown, [`candles:${interval}`]: shown };
}

/** What is in the one set and not in the other. */
export function without(symbols: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...symbols].filter((symbol) => !others.has(symbol));
}

/** The messages that turn the server's subscriptions from the one into the other; less is asked for before more. */
export function changeMessages(before: Watched, after: Watched): ClientMessage[] {
  return [
    ...CHANNELS.flatMap((channel) => symbolMessages("unsubscribe", channel, without(before[channel], after[channel]))),
    ...CHANNELS.flatMap((channel) => symbolMessages("subscribe", channel, without(after[channel], before[channel]))),
  ];
}

/**
 * The first messages on a new connection: of what is held, only changes are wanted; the rest is subscribed to afresh.
 * `held` tells the sequence held of an instrument in a channel, 0 for none, and `epoch` whose sequences those are.
 */
export function resumeMessages(
  watched: Watched,
  epoch: string,
  held: (channel: Channel, symbol: string) => number,
): ClientMessage[] {
  return CHANNELS.flatMap((channel) => {
    const sequences = [...watched[channel]].map((symbol) => [symbol, held(channel, symbol)] as const);
    const seen = sequences.filter(([, sequence]) => sequence > 0);
    const fresh = sequences.filter(([, sequence]) => sequence === 0).map(([symbol]) => symbol);
    const resumed = chunks(seen).map(
      (part): ClientMessage => ({ action: "reconnect", channel, epoch, last_seen: Object.fromEntries(part) }),
    );
    return resumed.concat(symbolMessages("subscribe", channel, fresh));
  });
}

export function snapshotMessages(symbols: readonly string[]): ClientMessage[] {
  return chunks(symbols).map((part) => ({ action: "snapshot", symbols: part }));
}

function symbolMessages(
  action: "subscribe" | "unsubscribe",
  channel: Channel,
  symbols: readonly string[],
): ClientMessage[] {
  return chunks(symbols).map((part) => ({ action, channel, symbols: part }));
}

function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += SYMBOLS_PER_MESSAGE) {
    parts.push(items.slice(start, start + SYMBOLS_PER_MESSAGE));
  }
  return parts;
}
