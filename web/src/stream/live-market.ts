import type { TokenSource } from "../api/market";
import { SignedOutError } from "../account/session";
import { type Connection, type ConnectionEffect, type ConnectionEvent, STOPPED, advance } from "./connection";
import { type ConnectionView, sameView, viewOf } from "./connection-view";
import { offsetMs } from "./clock-offset";
import { DeadlineTimer } from "./deadline-timer";
import { FrameSignal } from "./frame-signal";
import { EMPTY_MARKET, type MarketState, applyMessage, forget, withoutNotice } from "./market-state";
import { type ClientMessage, type Quote, parseMessage } from "./messages";
import { type StreamSocket, openSocket } from "./socket";
import { diffMessages, diffSymbols, resumeMessages } from "./subscriptions";

const CONNECTION = "*connection";
const NOTICE = "*notice";

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
  private wanted: ReadonlySet<string> = new Set();
  private socket: StreamSocket | null = null;
  /** Counts socket attempts, so that a token that arrives late does not open an outdated one. */
  private attempt = 0;
  private readonly timer = new DeadlineTimer(() => this.dispatch({ type: "timer" }));
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
    document.addEventListener(
      "visibilitychange",
      () => document.visibilityState === "visible" && this.dispatch({ type: "wake" }),
      { signal },
    );
    const stopTokens = this.tokens.onToken((token) => this.send({ action: "auth", token }));
    this.dispatch({ type: "start" });
    return () => {
      leaving.abort();
      stopTokens();
      this.dispatch({ type: "stop" });
    };
  }

  /** Watch exactly these symbols from now on. */
  watch(symbols: ReadonlySet<string>): void {
    const diff = diffSymbols(this.wanted, symbols);
    this.wanted = symbols;
    const { state, changed } = forget(this.state, diff.removed);
    this.state = state;
    this.signal.mark(changed);
    if (this.connection.phase === "live") diffMessages(diff).forEach((message) => this.send(message));
  }

  retry = (): void => this.dispatch({ type: "retry" });

  dismissNotice = (): void => {
    this.state = withoutNotice(this.state);
    this.signal.mark([NOTICE]);
  };

  quote = (symbol: string): Quote | undefined => this.published.quotes.get(symbol);
  problem = (symbol: string): string | undefined => this.published.problems.get(symbol);
  notice = (): string | null => this.published.notice;
  connectionView = (): ConnectionView => this.view;
  /** The server's clock minus ours, ms. */
  clockOffsetMs = (): number => offsetMs(this.published.clock);

  onSymbol = (symbol: string, listener: () => void): (() => void) => this.signal.subscribe(symbol, listener);
  onConnection = (listener: () => void): (() => void) => this.signal.subscribe(CONNECTION, listener);
  onNotice = (listener: () => void): (() => void) => this.signal.subscribe(NOTICE, listener);

  private dispatch(event: ConnectionEvent): void {
    const step = advance(this.connection, event, { nowMs: Date.now(), random: Math.random() });
    const before = viewOf(this.connection);
    this.connection = step.state;
    this.timer.set(step.state.phase === "stopped" ? null : step.state.deadlineMs);
    if (!sameView(before, viewOf(step.state))) this.signal.mark([CONNECTION]);
    // A socket that closed by itself is of no use to anybody.
    if (event.type === "closed") this.socket = null;
    for (const effect of step.effects) this.perform(effect);
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
        resumeMessages(this.wanted, this.state.quotes).forEach((message) => this.send(message));
        break;
    }
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
    const message = parseMessage(text);
    if (message === null) return;
    const { state, changed } = applyMessage(this.state, message, Date.now());
    if (state.notice !== this.state.notice) this.signal.mark([NOTICE]);
    this.state = state;
    this.signal.mark(changed);
    if (message.type === "welcome") this.dispatch({ type: "welcome" });
    if (message.type === "status") this.dispatch({ type: "upstream", upstream: message.upstream });
  }

  private send(message: ClientMessage): void {
    this.socket?.send(message);
  }
}
