import { useCallback, useSyncExternalStore } from "react";
import { useDesk } from "../desk/desk-context";
import type { ConnectionView } from "./connection-view";
import type { Quote } from "./messages";

/** One instrument's quote; renders again only when that instrument changed. A paused caller keeps what it has. */
export function useQuote(symbol: string, paused = false): Quote | undefined {
  const { market } = useDesk();
  return useSyncExternalStore(
    useCallback((listener) => (paused ? () => undefined : market.onSymbol(symbol, listener)), [market, symbol, paused]),
    () => market.quote(symbol),
  );
}

/** The server's sentence about a symbol that it refused. */
export function useProblem(symbol: string): string | undefined {
  const { market } = useDesk();
  return useSyncExternalStore(
    useCallback((listener) => market.onSymbol(symbol, listener), [market, symbol]),
    () => market.problem(symbol),
  );
}

export function useConnection(): ConnectionView {
  const { market } = useDesk();
  return useSyncExternalStore(market.onConnection, market.connectionView);
}

export function useNotice(): string | null {
  const { market } = useDesk();
  return useSyncExternalStore(market.onNotice, market.notice);
}
