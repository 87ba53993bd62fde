import type { MarketApi } from "../api/market";
import { ApiError } from "../api/problem";
import { backoffMs } from "../stream/backoff";
import type { LiveMarket } from "../stream/live-market";
import { topicOf } from "../stream/market-state";
import type { Candle, CandleChannel, Interval } from "../stream/messages";
import { type History, NO_HISTORY, interrupted, olderEndS, withNewest, withOlder, withRecent } from "./history";

export interface FeedState {
  /** What is to be drawn, oldest first. */
  readonly candles: readonly Candle[];
  /** The newest page is on its way for the first time. */
  readonly isLoading: boolean;
  /** Why candles are missing, fit to be shown; null where they are not. */
  readonly trouble: string | null;
}

export const LOADING: FeedState = { candles: [], isLoading: true, trouble: null };

const AWAY = "Earlier candles cannot be had just now. Trying again.";

/**
 * One instrument's candles of one length: the newest page and what the stream tells, in whatever order they come, and
 * older pages when asked. A page that cannot be had is asked for again, later and later.
 */
export class CandleFeed {
  private history: History = NO_HISTORY;
  private current = LOADING;
  private readonly channel: CandleChannel;
  private readonly listeners = new Set<() => void>();
  private gapsSeen = 0;
  private failures = 0;
  private asking = false;
  /** Set while the next try waits. */
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly leaving = new AbortController();

  constructor(
    private readonly api: Pick<MarketApi, "candles">,
    private readonly market: Pick<LiveMarket, "candles" | "connectionView" | "onConnection" | "onTopic">,
    private readonly symbol: string,
    private readonly interval: Interval,
  ) {
    this.channel = `candles:${interval}`;
  }

  readonly state = (): FeedState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Follow the instrument, once, until the returned function is called. */
  start(): () => void {
    const closers = [
      this.market.onTopic(topicOf(this.channel, this.symbol), () => this.takeRecent()),
      this.market.onConnection(() => this.cameBack()),
    ];
    this.takeRecent();
    this.ask();
    return () => {
      this.leaving.abort();
      clearTimeout(this.retry);
      for (const close of closers) close();
    };
  }

  /** The left edge is near: have what lies before it. */
  readonly loadOlder = (): void => {
    if (this.retry === undefined && olderEndS(this.history) !== null) this.ask();
  };

  private takeRecent(): void {
    const recent = this.market.candles(this.channel, this.symbol);
    if (recent === undefined) return;
    const hasGap = recent.gaps !== this.gapsSeen;
    if (hasGap) this.history = interrupted(this.history);
    this.gapsSeen = recent.gaps;
    this.become(withRecent(this.history, recent.candles));
    if (hasGap && this.retry === undefined) this.ask();
  }

  /** The server is there again: no need to wait for the next try. */
  private cameBack(): void {
    if (this.retry === undefined || this.market.connectionView().label !== "live") return;
    clearTimeout(this.retry);
    this.ask();
  }

  /** Ask for what is missing: the newest page first. One question at a time. */
  private ask(): void {
    this.retry = undefined;
    if (!this.asking) void this.load(this.history.isStale ? null : olderEndS(this.history));
  }

  private async load(endS: number | null): Promise<void> {
    const { signal } = this.leaving;
    this.asking = true;
    try {
      const asked = this.gapsSeen;
      const page = await this.api.candles(this.symbol, this.interval, endS, signal);
      if (signal.aborted) return;
      this.failures = 0;
      const { history } = this;
      const next = endS === null ? withNewest(history, page) : withOlder(history, page);
      this.become(next, null);
      // Candles were missed while the answer was on its way: it may be older than they are.
      if (asked !== this.gapsSeen) this.become(interrupted(this.history));
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    } finally {
      this.asking = false;
    }
    if (this.history.isStale && !signal.aborted && this.retry === undefined && this.failures === 0) this.ask();
  }

  private failed(error: unknown): void {
    this.failures += 1;
    if (error instanceof ApiError && !error.retryable) {
      this.become(this.history, error.message);
      return;
    }
    this.become(this.history, AWAY);
    this.retry = setTimeout(() => this.ask(), backoffMs(this.failures + 1, Math.random()));
  }

  private become(history: History, trouble = this.current.trouble): void {
    const isLoading = history.hasOlder === null && trouble === null;
    const isSame = history.candles === this.history.candles;
    this.history = history;
    const { candles: before } = this.current;
    const candles = isSame ? before : history.candles.filter(({ blank }) => !blank);
    if (isSame && trouble === this.current.trouble && isLoading === this.current.isLoading) return;
    this.current = { candles, isLoading, trouble };
    for (const listener of this.listeners) listener();
  }
}
