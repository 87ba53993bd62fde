import { useCallback, useEffect, useSyncExternalStore } from "react";
import type { LiveAlerts } from "../alerts/live-alerts";
import { useDesk } from "../desk/desk-context";
import type { LivePortfolio } from "../portfolio/live-portfolio";
import type { ConnectionView } from "./connection-view";
import { ALERTS, MODE, NOTICE, PORTFOLIO, topicOf } from "./market-state";
import { type Book, type Channel, type Mode, type Quote, isHalted } from "./messages";
import type { Tape } from "./tape";

/** One instrument's quote; renders again only when that instrument changed. A paused caller keeps what it has. */
export function useQuote(symbol: string, paused = false): Quote | undefined {
  const { market } = useDesk();
  return useTopic(paused ? null : topicOf("quote", symbol), () => market.quote(symbol));
}

/** Have the quotes of these stream, also of those that are not on the watchlist. */
export function useWish(symbols: readonly string[]): void {
  const { wishes } = useDesk();
  const literal = [...new Set(symbols)].toSorted().join(" ");
  useEffect(() => (literal === "" ? undefined : wishes.add(literal.split(" "))), [wishes, literal]);
}

/** Renders again only when trading stops or goes on, not with every tick. */
export function useHalted(symbol: string): boolean {
  const { market } = useDesk();
  return useTopic(topicOf("quote", symbol), () => isHalted(market.quote(symbol)));
}

export function useBook(symbol: string): Book | undefined {
  const { market } = useDesk();
  return useTopic(topicOf("depth", symbol), () => market.book(symbol));
}

export function useTape(symbol: string): Tape | undefined {
  const { market } = useDesk();
  return useTopic(topicOf("trades", symbol), () => market.tape(symbol));
}

/** The server's sentence about a symbol that it refused. */
export function useProblem(symbol: string, channel: Channel = "quote"): string | undefined {
  const { market } = useDesk();
  return useTopic(topicOf(channel, symbol), () => market.problem(channel, symbol));
}

export function useConnection(): ConnectionView {
  const { market } = useDesk();
  return useSyncExternalStore(market.onConnection, market.connectionView);
}

/** The portfolio that is watched. */
export function usePortfolio(): LivePortfolio | null {
  const { market } = useDesk();
  return useTopic(PORTFOLIO, market.portfolio);
}

/** The user's alerts that fired. */
export function useLiveAlerts(): LiveAlerts {
  const { market } = useDesk();
  return useTopic(ALERTS, market.alerts);
}

/** What the server leaves out, if anything. */
export function useMode(): Mode {
  const { market } = useDesk();
  return useTopic(MODE, market.mode);
}

export function useNotice(): string | null {
  const { market } = useDesk();
  return useTopic(NOTICE, market.notice);
}

function useTopic<T>(topic: string | null, value: () => T): T {
  const { market } = useDesk();
  const subscribe = useCallback(
    (listener: () => void) => (topic === null ? () => undefined : market.onTopic(topic, listener)),
    [market, topic],
  );
  return useSyncExternalStore(subscribe, value);
}
