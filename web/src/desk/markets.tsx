import { DetailPanel } from "../detail/detail-panel";
import { EmptyList } from "../watchlist/empty-list";
import { useWatchlist } from "../watchlist/use-watchlist";
import { WatchTable } from "../watchlist/watch-table";
import { useFirstSelection } from "./use-first-selection";

/** The watchlist, and the details of what is selected on it. */
export function Markets() {
  const { entries, selected } = useWatchlist();
  useFirstSelection();
  const selectedEntry = entries.find((entry) => entry.symbol === selected);
  return (
    <>
      <main className="panes" data-detail={selectedEntry === undefined ? "closed" : "open"}>
        <section className="list" aria-label="Watchlist">
          {entries.length === 0 ? <EmptyList /> : <WatchTable />}
        </section>
        {selectedEntry !== undefined && <DetailPanel key={selectedEntry.symbol} entry={selectedEntry} />}
      </main>
      <footer className="hints">
        <span>
          <kbd>/</kbd> search
        </span>
        <span>
          <kbd>↑</kbd> <kbd>↓</kbd> move
        </span>
        <span>
          <kbd>Del</kbd> remove
        </span>
        <span>
          <kbd>Esc</kbd> close
        </span>
        <span className="hints-count">{entries.length === 1 ? "1 symbol" : `${entries.length} symbols`}</span>
      </footer>
    </>
  );
}
