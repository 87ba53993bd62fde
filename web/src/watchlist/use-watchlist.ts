import { useSyncExternalStore } from "react";
import { useDesk } from "../desk/desk-context";
import type { WatchlistState } from "./watchlist";

export function useWatchlist(): WatchlistState {
  const { watchlist } = useDesk();
  return useSyncExternalStore(watchlist.subscribe, watchlist.state);
}
