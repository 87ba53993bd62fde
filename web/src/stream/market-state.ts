import { type LiveAlerts, NO_ALERTS, applyAlerts } from "../alerts/live-alerts";
import { type LivePortfolio, applyPortfolio, unheard, withoutNumber } from "../portfolio/live-portfolio";
import { timestampMs } from "../format/times";
import { type ClockSamples, NO_SAMPLES, addSample } from "./clock-offset";
import { type Merge, mergeBook, mergeQuote } from "./images";
import {
  type Book,
  CANDLE_CHANNELS,
  CHANNELS,
  type CandleChannel,
  type CandlesChange,
  type Channel,
  type DataMessage,
  type Mode,
  type Quote,
  type ServerMessage,
} from "./messages";
import { FULL_MODE } from "./mode";
import { type RecentCandles, takeCandles, withCandleGap, withoutSequence } from "./recent-candles";
import { NOTHING_WATCHED, type Watched, without } from "./subscriptions";
import { type Tape, takePrints, withGap } from "./tape";

type CandleImages = Readonly<Record<CandleChannel, ReadonlyMap<string, RecentCandles>>>;

/** All that the page knows of the market. A new value for every change; unchanged quotes keep their identity. */
export interface MarketState extends CandleImages {
  /** Nothing is held of what is not watched. */
  readonly watched: Watched;
  readonly quote: ReadonlyMap<string, Quote>;
  readonly depth: ReadonlyMap<string, Book>;
  readonly trades: ReadonlyMap<string, Tape>;
  /** Whose sequences these are; null before the first welcome. */
  readonly epoch: string | null;
  readonly mode: Mode;
  /** The one that is open, if any. */
  readonly portfolio: LivePortfolio | null;
  /** Of the user who is logged in. */
  readonly alerts: LiveAlerts;
  /** The server's sentence about what it refused, by topic. */
  readonly problems: ReadonlyMap<string, string>;
  /** The server's latest complaint that names no symbol. */
  readonly notice: string | null;
  readonly clock: ClockSamples;
}

export interface Applied {
  readonly state: MarketState;
  /** The topics that are not what they were. */
  readonly changed: readonly string[];
}

export const NOTICE = "*notice";
export const MODE = "*mode";
export const PORTFOLIO = "*portfolio";
export const ALERTS = "*alerts";

/** What listeners listen to: one instrument in one channel. */
export function topicOf(channel: Channel, symbol: string): string {
  return `${channel} ${symbol}`;
}

export const EMPTY_MARKET: MarketState = {
  watched: NOTHING_WATCHED,
  quote: new Map(),
  depth: new Map(),
  trades: new Map(),
  "candles:1m": new Map(),
  "candles:5m": new Map(),
  "candles:15m": new Map(),
  "candles:1h": new Map(),
  "candles:1d": new Map(),
  "candles:1w": new Map(),
  "candles:1M": new Map(),
  epoch: null,
  mode: FULL_MODE,
  portfolio: null,
  alerts: NO_ALERTS,
  problems: new Map(),
  notice: null,
  clock: NO_SAMPLES,
};

const NOTHING_CHANGED: readonly string[] = [];

/** Take one message in. `nowMs` is this machine's clock at its arrival. */
export function applyMessage(state: MarketState, message: ServerMessage, nowMs: number): Applied {
  switch (message.type) {
    case "welcome":
      return welcomed(withClock(state, message.serverTimestamp, nowMs), message.epoch);
    case "heartbeat":
      return unchanged(withClock(state, message.serverTimestamp, nowMs));
    case "snapshot":
    case "update":
      return withData(state, message);
    case "resumed":
      return message.channel === "quote" || message.channel === "depth"
        ? unchanged(state)
        : withGaps(state, message.channel, message.lost);
    case "subscribed":
      return withoutProblems(state, message.symbols.map((symbol) => topicOf(message.channel, symbol)));
    case "mode":
      return { state: { ...state, mode: message.mode }, changed: [MODE] };
    case "portfolio":
    case "portfolio_update":
      return withPortfolio(state, state.portfolio && applyPortfolio(state.portfolio, message));
    case "alerts":
    case "alert_fired":
      return changeAlerts(state, (held) => applyAlerts(held, message));
    case "error":
      if (message.alerts) return unchanged(state);
      if (message.portfolio !== undefined) return withPortfolioProblem(state, message.portfolio, message.message);
      return message.symbol === undefined
        ? { state: { ...state, notice: message.message }, changed: [NOTICE] }
        : withProblem(state, topicOf(message.channel ?? "quote", message.symbol), message.message);
    case "status":
      return message.upstream === "live" ? unchanged(state) : withGaps(state, "trades", [...state.trades.keys()]);
    case "closing":
      return unchanged(state);
  }
}

/** Watch exactly this from now on, and drop what is held of the rest. */
export function watch(state: MarketState, watched: Watched): Applied {
  const { quote, depth, trades } = state;
  const next = {
    quote: new Map(quote),
    depth: new Map(depth),
    trades: new Map(trades),
    ...candleImages((channel) => new Map(state[channel])),
  };
  const problems = new Map(state.problems);
  const changed = CHANNELS.flatMap((channel) =>
    without(state.watched[channel], watched[channel]).map((symbol) => {
      next[channel].delete(symbol);
      problems.delete(topicOf(channel, symbol));
      return topicOf(channel, symbol);
    }),
  );
  if (changed.length === 0) return unchanged({ ...state, watched });
  return { state: { ...state, ...next, problems, watched }, changed };
}

/** Watch this portfolio from now on, or none. */
export function watchPortfolio(state: MarketState, id: string | null): Applied {
  if (id === (state.portfolio?.id ?? null)) return unchanged(state);
  return withPortfolio(state, id === null ? null : unheard(id));
}

/** Change what is held of alerts: by a message, or because somebody looked at them. */
export function changeAlerts(state: MarketState, change: (held: LiveAlerts) => LiveAlerts): Applied {
  const alerts = change(state.alerts);
  return alerts === state.alerts ? unchanged(state) : { state: { ...state, alerts }, changed: [ALERTS] };
}

export function withoutNotice(state: MarketState): Applied {
  return state.notice === null ? unchanged(state) : { state: { ...state, notice: null }, changed: [NOTICE] };
}

/** The sequence held of an instrument in a channel; 0: none. */
export function heldSequence(state: MarketState, channel: Channel, symbol: string): number {
  return state[channel].get(symbol)?.sequence ?? 0;
}

/** A new connection leaves nothing out until it says so, and what was refused on the one before is past. */
function welcomed(state: MarketState, epoch: string): Applied {
  const isOther = state.epoch !== null && state.epoch !== epoch;
  const { state: known, changed } = isOther ? withoutSequences(state) : unchanged(state);
  const portfolio = known.portfolio && withoutNumber(known.portfolio);
  return { state: { ...known, epoch, mode: FULL_MODE, notice: null, portfolio }, changed: [...changed, MODE, NOTICE] };
}

/**
 * Sequences of another epoch say nothing about the next ones. Prices stay to be seen until the next image replaces
 * them; trades could not be told from those to come.
 */
function withoutSequences(state: MarketState): Applied {
  const changed = (["trades", ...CANDLE_CHANNELS] as const).flatMap((channel) =>
    [...state[channel].keys()].map((symbol) => topicOf(channel, symbol)),
  );
  const quote = unsequenced(state.quote);
  const depth = unsequenced(state.depth);
  const candles = candleImages((channel) => mapValues(state[channel], withoutSequence));
  return { state: { ...state, ...candles, quote, depth, trades: new Map() }, changed };
}

function candleImages<T>(of: (channel: CandleChannel) => T): Record<CandleChannel, T> {
  return Object.fromEntries(CANDLE_CHANNELS.map((channel) => [channel, of(channel)])) as Record<CandleChannel, T>;
}

function unsequenced<T extends { sequence: number }>(images: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return mapValues(images, (image) => Object.assign({}, image, { sequence: 0 }));
}

function mapValues<T>(images: ReadonlyMap<string, T>, change: (image: T) => T): ReadonlyMap<string, T> {
  return new Map([...images].map(([symbol, image]) => [symbol, change(image)]));
}

function withData(state: MarketState, { type, quotes, books, prints, candles }: DataMessage): Applied {
  const isSnapshot = type === "snapshot";
  const { watched } = state;
  const quote = fold(state.quote, watched.quote, quotes, isSnapshot, mergeQuote);
  const depth = fold(state.depth, watched.depth, books, isSnapshot, mergeBook);
  const trades = fold(state.trades, watched.trades, prints, isSnapshot, takePrints);
  const after = candles.reduce(withCandles, unchanged(state));
  const changed = [
    ...quote.symbols.map((symbol) => topicOf("quote", symbol)),
    ...depth.symbols.map((symbol) => topicOf("depth", symbol)),
    ...trades.symbols.map((symbol) => topicOf("trades", symbol)),
    ...after.changed,
  ];
  if (changed.length === 0) return unchanged(state);
  return { state: { ...after.state, quote: quote.images, depth: depth.images, trades: trades.images }, changed };
}

function withCandles({ state, changed }: Applied, change: CandlesChange): Applied {
  const { channel, symbol } = change;
  if (!state.watched[channel].has(symbol)) return { state, changed };
  const images = new Map(state[channel]).set(symbol, takeCandles(state[channel].get(symbol), change));
  return { state: { ...state, [channel]: images }, changed: [...changed, topicOf(channel, symbol)] };
}

/** Merge entries into what is held of the watched; `symbols` are those whose image is another now. */
function fold<T, C extends { symbol: string }>(
  held: ReadonlyMap<string, T>,
  watched: ReadonlySet<string>,
  changes: readonly C[],
  isSnapshot: boolean,
  merge: Merge<T, C>,
): { images: ReadonlyMap<string, T>; symbols: readonly string[] } {
  const images = new Map(held);
  const symbols: string[] = [];
  for (const change of changes) {
    const { symbol } = change;
    const before = images.get(symbol);
    const after = watched.has(symbol) ? merge(before, change, isSnapshot) : before;
    if (after === undefined || after === before) continue;
    images.set(symbol, after);
    symbols.push(symbol);
  }
  return symbols.length === 0 ? { images: held, symbols } : { images, symbols };
}

/** Trades or candles of these may have been missed, and nobody counts them. */
function withGaps(state: MarketState, channel: "trades" | CandleChannel, lost: readonly string[]): Applied {
  const held = lost.filter((symbol) => state[channel].has(symbol));
  const images =
    channel === "trades" ? marked(state.trades, held, withGap) : marked(state[channel], held, withCandleGap);
  return { state: { ...state, [channel]: images }, changed: held.map((symbol) => topicOf(channel, symbol)) };
}

function marked<T>(images: ReadonlyMap<string, T>, symbols: readonly string[], mark: (image: T) => T) {
  const next = new Map(images);
  for (const symbol of symbols) {
    const image = images.get(symbol);
    if (image !== undefined) next.set(symbol, mark(image));
  }
  return next;
}

function withClock(state: MarketState, serverTimestamp: string | null, nowMs: number): MarketState {
  const serverMs = timestampMs(serverTimestamp);
  return serverMs === null ? state : { ...state, clock: addSample(state.clock, serverMs - nowMs) };
}

function withPortfolio(state: MarketState, portfolio: LivePortfolio | null): Applied {
  return portfolio === state.portfolio ? unchanged(state) : { state: { ...state, portfolio }, changed: [PORTFOLIO] };
}

function withPortfolioProblem(state: MarketState, id: string, problem: string): Applied {
  const { portfolio } = state;
  return portfolio?.id === id ? withPortfolio(state, { ...portfolio, problem }) : unchanged(state);
}

function withProblem(state: MarketState, topic: string, text: string): Applied {
  return { state: { ...state, problems: new Map(state.problems).set(topic, text) }, changed: [topic] };
}

function withoutProblems(state: MarketState, topics: readonly string[]): Applied {
  const changed = topics.filter((topic) => state.problems.has(topic));
  if (changed.length === 0) return unchanged(state);
  const problems = new Map(state.problems);
  for (const topic of changed) problems.delete(topic);
  return { state: { ...state, problems }, changed };
}

function unchanged(state: MarketState): Applied {
  return { state, changed: NOTHING_CHANGED };
}
