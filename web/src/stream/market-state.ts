import { timestampMs } from "../format/times";
import { type ClockSamples, NO_SAMPLES, addSample } from "./clock-offset";
import type { Quote, QuoteChange, ServerMessage } from "./messages";

/** All that the page knows of the market. A new value for every change; unchanged quotes keep their identity. */
export interface MarketState {
  readonly quotes: ReadonlyMap<string, Quote>;
  /** The server's sentence about a symbol that it refused. */
  readonly problems: ReadonlyMap<string, string>;
  /** The server's latest complaint that names no symbol. */
  readonly notice: string | null;
  readonly clock: ClockSamples;
}

export interface Applied {
  readonly state: MarketState;
  /** Symbols whose quote or problem is not what it was. */
  readonly changed: readonly string[];
}

export const EMPTY_MARKET: MarketState = {
  quotes: new Map(),
  problems: new Map(),
  notice: null,
  clock: NO_SAMPLES,
};

const NOTHING_CHANGED: readonly string[] = [];

/** Take one message in. `nowMs` is this machine's clock at its arrival. */
export function applyMessage(state: MarketState, message: ServerMessage, nowMs: number): Applied {
  switch (message.type) {
    case "welcome":
    case "heartbeat":
      return unchanged(withClock(state, message.server_timestamp, nowMs));
    case "snapshot": {
      const { type: _, ...image } = message;
      return merge(state, [image], takesSnapshot);
    }
    case "update":
      return merge(state, message.updates, takesUpdate);
    case "subscribed":
      return withoutProblems(state, message.symbols);
    case "error":
      return withProblem(state, message.message, message.symbol);
    case "unsubscribed":
    case "resumed":
    case "status":
    case "pong":
      return unchanged(state);
  }
}

/** Drop what is held about symbols that nobody watches any more. */
export function forget(state: MarketState, symbols: readonly string[]): Applied {
  const quotes = new Map(state.quotes);
  const problems = new Map(state.problems);
  const changed = symbols.filter((symbol) => {
    const hadQuote = quotes.delete(symbol);
    return problems.delete(symbol) || hadQuote;
  });
  return changed.length === 0 ? unchanged(state) : { state: { ...state, quotes, problems }, changed };
}

export function withoutNotice(state: MarketState): MarketState {
  return state.notice === null ? state : { ...state, notice: null };
}

/** A snapshot is a full image, so the one that equals ours in sequence may replace it; an older one may not. */
function takesSnapshot(held: Quote | undefined, change: QuoteChange): boolean {
  return held === undefined || change.seq >= held.seq;
}

function takesUpdate(held: Quote | undefined, change: QuoteChange): boolean {
  return held === undefined || change.seq > held.seq;
}

function merge(
  state: MarketState,
  changes: readonly QuoteChange[],
  takes: (held: Quote | undefined, change: QuoteChange) => boolean,
): Applied {
  const quotes = new Map(state.quotes);
  const changed: string[] = [];
  for (const change of changes) {
    const held = quotes.get(change.symbol);
    if (!takes(held, change)) continue;
    quotes.set(change.symbol, { ...(held ?? blank(change)), ...change });
    changed.push(change.symbol);
  }
  return changed.length === 0 ? unchanged(state) : { state: { ...state, quotes }, changed };
}

function blank({ symbol, seq }: QuoteChange): Quote {
  return {
    symbol,
    bid: null,
    bid_size: null,
    ask: null,
    ask_size: null,
    last: null,
    last_size: null,
    open: null,
    high: null,
    low: null,
    volume: null,
    prev_close: null,
    seq,
    ts_event: null,
    ts_recv: null,
  };
}

function withClock(state: MarketState, serverTimestamp: string, nowMs: number): MarketState {
  const serverMs = timestampMs(serverTimestamp);
  return serverMs === null ? state : { ...state, clock: addSample(state.clock, serverMs - nowMs) };
}

function withProblem(state: MarketState, text: string, symbol: string | undefined): Applied {
  if (symbol === undefined) return unchanged({ ...state, notice: text });
  const problems = new Map(state.problems).set(symbol, text);
  return { state: { ...state, problems }, changed: [symbol] };
}

function withoutProblems(state: MarketState, symbols: readonly string[]): Applied {
  const changed = symbols.filter((symbol) => state.problems.has(symbol));
  if (changed.length === 0) return unchanged(state);
  const problems = new Map(state.problems);
  for (const symbol of changed) problems.delete(symbol);
  return { state: { ...state, problems }, changed };
}

function unchanged(state: MarketState): Applied {
  return { state, changed: NOTHING_CHANGED };
}
