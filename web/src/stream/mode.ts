import { CHANNELS, type Channel, type Mode } from "./messages";

export const FULL_MODE: Mode = { name: "full", channels: CHANNELS, onDemand: [], pollAfterMs: null };

/** How often to ask where the server does not say. */
export const POLL_MS = 2_500;
const LEAST_POLL_MS = 1_000;
const MOST_POLL_MS = 60_000;
/** A share of the interval on top of it, so that clients told together do not ask together. */
const JITTER = 0.2;

/** What has to be asked for, and how often. */
export interface PollPlan {
  readonly symbols: readonly string[];
  readonly everyMs: number;
}

/** Null while everything that is watched streams. */
export function pollPlan(mode: Mode, watched: ReadonlySet<string>): PollPlan | null {
  const symbols = mode.name === "poll" ? [...watched] : mode.onDemand.filter((symbol) => watched.has(symbol));
  if (symbols.length === 0) return null;
  const everyMs = Math.min(MOST_POLL_MS, Math.max(LEAST_POLL_MS, mode.pollAfterMs ?? POLL_MS));
  return { symbols, everyMs };
}

/** Until the next question; `random` lies in [0, 1). */
export function pollDelayMs(everyMs: number, random: number): number {
  return Math.round(everyMs * (1 + JITTER * random));
}

/** What a user should know of a mode; null where there is nothing to say. */
export function modeWords({ name }: Mode): string | null {
  switch (name) {
    case "full":
      return null;
    case "slower":
      return "The server is busy: prices come less often.";
    case "quotes_only":
      return "The server is busy: prices only, without depth and trades.";
    case "most_watched":
      return "The server is busy: only the most watched instruments stream, others are asked for every few seconds.";
    case "poll":
      return "The server is busy: prices are asked for every few seconds.";
  }
}

/** Whether a channel is left out for now. */
export function isPaused(mode: Mode, channel: Channel): boolean {
  return !mode.channels.includes(channel);
}
