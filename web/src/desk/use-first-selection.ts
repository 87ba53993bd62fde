import { useEffect, useRef } from "react";
import { useWatchlist } from "../watchlist/use-watchlist";
import { useDesk } from "./desk-context";

/** Where details stand beside the list and not over it. The same width as in `styles/detail.css`. */
const SIDE_BY_SIDE = "(min-width: 1100px)";

/** On a wide screen, show the details of the first instrument to begin with; closing them afterwards is respected. */
export function useFirstSelection(): void {
  const { watchlist } = useDesk();
  const { entries, selected } = useWatchlist();
  const done = useRef(false);
  const first = entries.find((entry) => entry.resolved)?.symbol;
  useEffect(() => {
    if (done.current || first === undefined) return;
    done.current = true;
    if (selected === null && window.matchMedia(SIDE_BY_SIDE).matches) watchlist.select(first);
  }, [first, selected, watchlist]);
}
