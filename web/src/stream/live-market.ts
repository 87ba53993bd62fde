import { SignedOutError } from "../account/session";
import type { LiveAlerts } from "../alerts/live-alerts";
import type { TokenSource } from "../api/authorized";
import type { LivePortfolio } from "../portfolio/live-portfolio";
import { offsetMs } from "./clock-offset";
import { type Connection, type ConnectionEffect, type ConnectionEvent, STOPPED, advance } from "./connection";
import { type ConnectionView, sameView, viewOf } from "./connection-view";
import { DeadlineTimer } from "./deadline-timer";
import { FrameSignal } from "./frame-signal";
import {
  type Applied,
  EMPTY_MARKET,
  type MarketState,
  applyMessage,
  changeAlerts,
  heldSequence,
  topicOf,
  watch,
  watchPortfolio,
  withoutNotice,
} from "./market-state";
import type { Book, CandleChannel, Channel, ClientMessage, Mode, Quote, ServerMessage } from "./messages";
import { pollPlan } from "./mode";
import { Poller } from "./poller";
import type { RecentCandles } from "./recent-candles";
import { type StreamSocket, openSocket } from "./socket";
import {
  NOTHING_WATCHED,
  type Watched,
  changeMessages,
  resumeMessages,
  snapshotMessages,
} from "./subscriptions";
import type { Tape } from "./tape";
import { Throttle } from "./throttle";
import { readMessage } from "./wire";

const CONNECTION = "*connection";

/** Frames a second: a hidden page needs just enough to be right when it is looked at again. */
const RATE_VISIBLE = 20;
const RATE_HIDDEN = 2;

/** The server takes 50 commands a second, and a key held down moves through the list faster than that. */
const WATCH_EVERY_MS = 150;

export interface TokenFeed extends TokenSource {
  onToken(listener: (token: string) => void): () => void;
}

/**
 * The live market in the browser: feeds events to the pure connection machine and carries out its effects, feeds
 * messages to the pure reducer and publishes the outcome in frames. Decides nothing by itself.
 */
export class LiveMarket {
  private connection: Connection = STOPPED;
  private view: ConnectionView = viewOf(STOPPED);
  private state: MarketState = EMPTY_MARKET;
  /** What components see: the state as of the latest flush, so that one render never mixes two. */
  private published: MarketState = EMPTY_MARKET;
  /** What is to be watched; `state.watched` is what the server was told. */
  private wanted: Watched = NOTHING_WATCHED;
  private socket: StreamSocket | null = null;
  /** Counts socket attempts, so that a token that arrives late does not open an outdated one. */
  private attempt = 0;
  private readonly timer = new DeadlineTimer(() => this.dispatch({ type: "timer" }));
  private readonly watching = new Throttle(() => this.watchWanted(), WATCH_EVERY_MS);
  private readonly askingAgain = new DeadlineTimer(() => this.askForPortfolio());
  private readonly askingForAlerts = new DeadlineTimer(() => this.send({ action: "watch_alerts" }));
  private readonly poller = new Poller((symbols) => this.send(...snapshotMessages(symbols)));
  private readonly signal = new FrameSignal(() => {
    this.published = this.state;
    const view = viewOf(this.connection);
    if (!sameView(view, this.view)) this.view = view;
  });

  constructor(
    private readonly url: string,
    private readonly tokens: TokenFeed,
  ) {}

  /** Connect, and stay connected until the returned function is called. */
  start(): () => void {
    const leaving = new AbortController();
    const { signal } = leaving;
    window.addEventListener("online", () => this.dispatch({ type: "wake" }), { signal });
    document.addEventListener("visibilitychange", () => this.turnedTo(isVisible()), { signal });
    const stopTokens = this.tokens.onToken((token) => this.send({ action: "auth", token }));
    this.dispatch({ type: "start" });
    return () => {
      leaving.abort();
      stopTokens();
      this.dispatch({ type: "stop" });
    };
  }

  /** Watch exactly this from now on. */
  watch(watched: Watched): void {
    this.wanted = watched;
    this.watching.ask();
  }

  /** Watch this portfolio from now on, or none. */
  watchPortfolio(id: string | null): void {
    const before = this.state.portfolio;
    this.askingAgain.set(null);
    this.take(watchPortfolio(this.state, id));
    if (before === this.state.portfolio) return;
    if (before !== null) this.send({ action: "unwatch_portfolio", portfolio: before.id });
    if (this.connection.phase === "live") this.askForPortfolio();
  }

  changeAlerts = (change: (held: LiveAlerts) => LiveAlerts): void => this.take(changeAlerts(this.state, change));
  retry = (): void => this.dispatch({ type: "retry" });
  dismissNotice = (): void => this.take(withoutNotice(this.state));

  quote = (symbol: string): Quote | undefined => this.published.quote.get(symbol);
  book = (symbol: string): Book | undefined => this.published.depth.get(symbol);
  tape = (symbol: string): Tape | undefined => this.published.trades.get(symbol);
  candles = (channel: CandleChannel, symbol: string): RecentCandles | undefined => this.published[channel].get(symbol);
  problem = (channel: Channel, symbol: string): string | undefined =>
    this.published.problems.get(topicOf(channel, symbol));
  portfolio = (): LivePortfolio | null => this.published.portfolio;
  alerts = (): LiveAlerts => this.published.alerts;
  mode = (): Mode => this.published.mode;
  notice = (): string | null => this.published.notice;
  connectionView = (): ConnectionView => this.view;
  /** The server's clock minus ours, ms. */
  clockOffsetMs = (): number => offsetMs(this.published.clock);

  /** Be told when a topic of `market-state.ts` changed. */
  onTopic = (topic: string, listener: () => void): (() => void) => this.signal.subscribe(topic, listener);
  onConnection = (listener: () => void): (() => void) => this.signal.subscribe(CONNECTION, listener);

  private watchWanted(): void {
    const messages = changeMessages(this.state.watched, this.wanted);
    this.take(watch(this.state, this.wanted));
    if (this.connection.phase === "live") this.send(...messages);
  }

  private turnedTo(visible: boolean): void {
    this.send({ action: "rate", rate: visible ? RATE_VISIBLE : RATE_HIDDEN });
    this.followPlan();
    if (visible) this.dispatch({ type: "wake" });
  }

  private dispatch(event: ConnectionEvent): void {
    const step = advance(this.connection, event, { nowMs: Date.now(), random: Math.random() });
    const before = viewOf(this.connection);
    this.connection = step.state;
    this.timer.set("deadlineMs" in step.state ? step.state.deadlineMs : null);
    if (!sameView(before, viewOf(step.state))) this.signal.mark([CONNECTION]);
    // A socket that closed by itself is of no use to anybody.
    if (event.type === "closed") this.socket = null;
    for (const effect of step.effects) this.perform(effect);
    if (event.type !== "heard") this.followPlan();
  }

  private perform(effect: ConnectionEffect): void {
    switch (effect.type) {
      case "open":
        void this.open(effect.renewToken);
        break;
      case "drop":
        this.attempt += 1;
        this.socket?.drop();
        this.socket = null;
        break;
      case "ping":
        this.send({ action: "ping" });
        break;
      case "resume":
        this.resume(effect.epoch);
        break;
    }
  }

  private resume(epoch: string): void {
    if (!isVisible()) this.send({ action: "rate", rate: RATE_HIDDEN });
    const held = (channel: Channel, symbol: string) => heldSequence(this.state, channel, symbol);
    this.send(...resumeMessages(this.state.watched, epoch, held));
    this.askForPortfolio();
    this.send({ action: "watch_alerts" });
  }

  private async open(renew: boolean): Promise<void> {
    this.attempt += 1;
    const { attempt } = this;
    try {
      const token = await this.tokens.accessToken({ renew });
      if (attempt !== this.attempt) return;
      this.socket = openSocket(this.url, token, {
        onText: (text) => this.receive(text),
        onClosed: (code) => this.dispatch({ type: "closed", code }),
      });
    } catch (error) {
      if (attempt === this.attempt) this.dispatch({ type: error instanceof SignedOutError ? "stop" : "no-token" });
    }
  }

  private receive(text: string): void {
    this.dispatch({ type: "heard" });
    const message = readMessage(text);
    if (message === null) return;
    const before = this.state.portfolio;
    this.take(applyMessage(this.state, message, Date.now()));
    this.followPortfolio(before, message);
    this.followAlerts(message);
    const event = connectionEvent(message);
    if (event !== null) this.dispatch(event);
    if (message.type === "mode") this.followPlan();
  }

  private askForPortfolio(): void {
    const { portfolio } = this.state;
    if (portfolio !== null) this.send({ action: "watch_portfolio", portfolio: portfolio.id });
  }

  /** Ask for the portfolio once more where an update was missed, or its owner was away. */
  private followPortfolio(before: LivePortfolio | null, message: ServerMessage): void {
    const after = this.state.portfolio;
    if (message.type === "portfolio_update" && before?.number !== null && after?.number === null) this.askForPortfolio();
    if (message.type !== "error" || message.portfolio !== after?.id || message.retryAfterMs === undefined) return;
    this.askingAgain.set(Date.now() + message.retryAfterMs);
  }

  /** Ask for alerts once more where they could not be told. */
  private followAlerts(message: ServerMessage): void {
    if (message.type !== "error" || !message.alerts || message.retryAfterMs === undefined) return;
    this.askingForAlerts.set(Date.now() + message.retryAfterMs);
  }

  private take({ state, changed }: Applied): void {
    this.state = state;
    this.signal.mark(changed);
  }

  private followPlan(): void {
    const asks = this.connection.phase === "live" && isVisible();
    this.poller.follow(asks ? pollPlan(this.state.mode, this.state.watched.quote) : null);
  }

  private send(...messages: readonly ClientMessage[]): void {
    for (const message of messages) this.socket?.send(message);
  }
}

/** What a message says about the connection itself. */
function connectionEvent(message: ServerMessage): ConnectionEvent | null {
  switch (message.type) {
    case "welcome":
      return { type: "welcome", epoch: message.epoch };
    case "status":
      return { type: "upstream", upstream: message.upstream };
    case "closing":
      return { type: "advice", retryAfterMs: message.retryAfterMs };
    case "error":
      if (message.retryAfterMs === undefined || message.portfolio !== undefined || message.alerts) return null;
      return { type: "advice", retryAfterMs: message.retryAfterMs };
    default:
      return null;
  }
}

function isVisible(): boolean {
  return document.visibilityState === "visible";
}
