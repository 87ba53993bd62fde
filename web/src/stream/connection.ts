import { backoffMs } from "./backoff";
import type { Upstream } from "./messages";

/**
 * The connection's life as a pure function: `advance(state, event, at)` answers with the next state and what to do.
 * It never gives up by itself: the delay between tries is bounded, their number is not, since a trading screen that
 * stopped trying would look alive and be dead. Only `stop` (logged out) ends it.
 */
export type Connection =
  | { readonly phase: "stopped" }
  | { readonly phase: "connecting"; readonly attempt: number; readonly deadlineMs: number; readonly renewToken: boolean }
  | {
      readonly phase: "live";
      readonly attempt: number;
      readonly deadlineMs: number;
      readonly sinceMs: number;
      readonly heardMs: number;
      readonly upstream: Upstream;
    }
  | { readonly phase: "waiting"; readonly attempt: number; readonly deadlineMs: number; readonly renewToken: boolean };

export type ConnectionEvent =
  | { type: "start" }
  | { type: "stop" }
  | { type: "welcome" }
  /** Any message at all: the socket is alive. */
  | { type: "heard" }
  | { type: "upstream"; upstream: Upstream }
  | { type: "closed"; code: number }
  /** No access token could be had just now. */
  | { type: "no-token" }
  /** The state's `deadlineMs` may have come. */
  | { type: "timer" }
  /** The network or the tab came back. */
  | { type: "wake" }
  /** The user asked to try at once. */
  | { type: "retry" };

export type ConnectionEffect =
  | { type: "open"; renewToken: boolean }
  | { type: "drop" }
  | { type: "ping" }
  /** Tell the server what we hold and want. */
  | { type: "resume" };

export interface Moment {
  readonly nowMs: number;
  /** In [0, 1), for the jitter. */
  readonly random: number;
}

export interface Step {
  readonly state: Connection;
  readonly effects: readonly ConnectionEffect[];
}

export const STOPPED: Connection = { phase: "stopped" };

export const CLOSE_UNAUTHENTICATED = 4401;
/** From opening the socket to the server's welcome. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** The server speaks every 10 s at least; after two and a half of those the socket is dead. */
export const SILENCE_MS = 25_000;
/** How long a ping after waking may go unanswered. */
export const PROBE_MS = 5_000;
/** A connection that lived this long was a good one: the backoff starts afresh. */
export const STABLE_MS = 5_000;

export function advance(state: Connection, event: ConnectionEvent, at: Moment): Step {
  if (event.type === "stop") return { state: STOPPED, effects: state.phase === "stopped" ? [] : [{ type: "drop" }] };
  switch (state.phase) {
    case "stopped":
      return event.type === "start" ? connect(0, false, at) : stay(state);
    case "connecting":
      return whileConnecting(state, event, at);
    case "live":
      return whileLive(state, event, at);
    case "waiting":
      return whileWaiting(state, event, at);
  }
}

type In<P extends Connection["phase"]> = Extract<Connection, { phase: P }>;

function whileConnecting(state: In<"connecting">, event: ConnectionEvent, at: Moment): Step {
  switch (event.type) {
    case "welcome":
      return { state: welcomed(state.attempt, at), effects: [{ type: "resume" }] };
    case "closed":
      // A stale token is renewed at once; a new one that is refused too has to wait its turn.
      if (event.code === CLOSE_UNAUTHENTICATED && !state.renewToken) return connect(state.attempt, true, at);
      return wait(state.attempt + 1, event.code === CLOSE_UNAUTHENTICATED, at);
    case "no-token":
      return wait(state.attempt + 1, state.renewToken, at);
    case "timer":
      return at.nowMs < state.deadlineMs ? stay(state) : dropThen(wait(state.attempt + 1, state.renewToken, at));
    default:
      return stay(state);
  }
}

function whileLive(state: In<"live">, event: ConnectionEvent, at: Moment): Step {
  const failures = at.nowMs - state.sinceMs >= STABLE_MS ? 1 : state.attempt + 1;
  switch (event.type) {
    case "heard":
      return stay({ ...state, heardMs: at.nowMs, deadlineMs: at.nowMs + SILENCE_MS });
    case "upstream":
      return stay({ ...state, upstream: event.upstream });
    case "closed":
      return event.code === CLOSE_UNAUTHENTICATED ? connect(failures, true, at) : wait(failures, false, at);
    case "timer":
      return at.nowMs < state.deadlineMs ? stay(state) : dropThen(connect(failures, false, at));
    case "wake":
      return probe(state, at);
    default:
      return stay(state);
  }
}

function whileWaiting(state: In<"waiting">, event: ConnectionEvent, at: Moment): Step {
  switch (event.type) {
    case "timer":
      return at.nowMs < state.deadlineMs ? stay(state) : connect(state.attempt, state.renewToken, at);
    case "wake":
    case "retry":
      return connect(state.attempt, state.renewToken, at);
    default:
      return stay(state);
  }
}

/** After sleep or a change of network a socket often only looks open: ask, and allow little time for the answer. */
function probe(state: In<"live">, at: Moment): Step {
  if (at.nowMs - state.heardMs < PROBE_MS) return stay(state);
  const deadlineMs = Math.min(state.deadlineMs, at.nowMs + PROBE_MS);
  return { state: { ...state, deadlineMs }, effects: [{ type: "ping" }] };
}

function welcomed(attempt: number, { nowMs }: Moment): Connection {
  return { phase: "live", attempt, deadlineMs: nowMs + SILENCE_MS, sinceMs: nowMs, heardMs: nowMs, upstream: "live" };
}

function connect(attempt: number, renewToken: boolean, at: Moment): Step {
  const deadlineMs = at.nowMs + CONNECT_TIMEOUT_MS;
  return { state: { phase: "connecting", attempt, deadlineMs, renewToken }, effects: [{ type: "open", renewToken }] };
}

function wait(attempt: number, renewToken: boolean, at: Moment): Step {
  const deadlineMs = at.nowMs + backoffMs(attempt, at.random);
  return { state: { phase: "waiting", attempt, deadlineMs, renewToken }, effects: [] };
}

function dropThen({ state, effects }: Step): Step {
  return { state, effects: [{ type: "drop" }, ...effects] };
}

function stay(state: Connection): Step {
  return { state, effects: [] };
}
