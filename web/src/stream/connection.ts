import { backoffMs } from "./backoff";
import type { Upstream } from "./messages";

/**
 * The connection's life as a pure function: `advance(state, event, at)` answers with the next state and what to do.
 * It never gives up by itself: the delay between tries is bounded, their number is not, since a trading screen that
 * stopped trying would look alive and be dead. Only `stop` (logged out) ends it.
 */
export type Connection =
  | { readonly phase: "stopped" }
  | {
      readonly phase: "connecting";
      readonly attempt: number;
      readonly deadlineMs: number;
      readonly renewToken: boolean;
      readonly notBeforeMs: number;
    }
  | {
      readonly phase: "live";
      readonly attempt: number;
      readonly deadlineMs: number;
      readonly sinceMs: number;
      readonly heardMs: number;
      readonly upstream: Upstream;
      /** The server asked not to be called again sooner; 0: it did not. */
      readonly notBeforeMs: number;
    }
  | {
      readonly phase: "waiting";
      readonly attempt: number;
      readonly deadlineMs: number;
      readonly renewToken: boolean;
      /** The server said how long: only the user may come sooner. */
      readonly told: boolean;
    };

export type ConnectionEvent =
  | { type: "start" }
  | { type: "stop" }
  | { type: "welcome"; epoch: string }
  /** Any message at all: the socket is alive. */
  | { type: "heard" }
  | { type: "upstream"; upstream: Upstream }
  /** When to come back if the connection ends now. */
  | { type: "advice"; retryAfterMs: number }
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
  /** Tell the server what we want, and what we hold of this epoch. */
  | { type: "resume"; epoch: string };

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
/** What a close code asks for at least, before any backoff. */
const LEAST_WAIT_MS: ReadonlyMap<number, number> = new Map([
  [1008, 60_000], // our own fault: it would only be repeated
  [4429, 30_000], // too many connections: another has to end first
]);
/** However long the server asks us to wait, a trading screen does not wait longer. */
export const MOST_ADVISED_MS = 60_000;
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
      return { state: welcomed(state.attempt, at), effects: [{ type: "resume", epoch: event.epoch }] };
    case "advice":
      return stay({ ...state, notBeforeMs: notBefore(event.retryAfterMs, at) });
    case "closed":
      // A stale token is renewed at once; a new one that is refused too has to wait its turn.
      if (event.code === CLOSE_UNAUTHENTICATED && !state.renewToken) return connect(state.attempt, true, at);
      return closed(event.code, state.attempt + 1, state.notBeforeMs, at);
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
    case "advice":
      return stay({ ...state, notBeforeMs: notBefore(event.retryAfterMs, at) });
    case "closed":
      if (event.code === CLOSE_UNAUTHENTICATED) return connect(failures, true, at);
      return closed(event.code, failures, state.notBeforeMs, at);
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
      return state.told ? stay(state) : connect(state.attempt, state.renewToken, at);
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

/** The server closed the connection, or the network did. */
function closed(code: number, attempt: number, notBeforeMs: number, at: Moment): Step {
  const leastMs = LEAST_WAIT_MS.get(code) ?? 0;
  const advisedMs = notBeforeMs - at.nowMs;
  if (advisedMs <= 0) return wait(attempt, code === CLOSE_UNAUTHENTICATED, at, leastMs);
  const deadlineMs = at.nowMs + Math.max(leastMs, advisedMs);
  return stay({ phase: "waiting", attempt, deadlineMs, renewToken: code === CLOSE_UNAUTHENTICATED, told: true });
}

function notBefore(retryAfterMs: number, { nowMs }: Moment): number {
  return nowMs + Math.min(MOST_ADVISED_MS, retryAfterMs);
}

function welcomed(attempt: number, { nowMs }: Moment): Connection {
  const deadlineMs = nowMs + SILENCE_MS;
  return { phase: "live", attempt, deadlineMs, sinceMs: nowMs, heardMs: nowMs, upstream: "live", notBeforeMs: 0 };
}

function connect(attempt: number, renewToken: boolean, at: Moment): Step {
  const deadlineMs = at.nowMs + CONNECT_TIMEOUT_MS;
  const state: Connection = { phase: "connecting", attempt, deadlineMs, renewToken, notBeforeMs: 0 };
  return { state, effects: [{ type: "open", renewToken }] };
}

function wait(attempt: number, renewToken: boolean, at: Moment, leastMs = 0): Step {
  const deadlineMs = at.nowMs + leastMs + backoffMs(attempt, at.random);
  return stay({ phase: "waiting", attempt, deadlineMs, renewToken, told: leastMs > 0 });
}

function dropThen({ state, effects }: Step): Step {
  return { state, effects: [{ type: "drop" }, ...effects] };
}

function stay(state: Connection): Step {
  return { state, effects: [] };
}
