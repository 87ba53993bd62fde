import { useEffect, useState } from "react";
import type { Session } from "../account/session";
import { BrandMark } from "../brand";
import { DetailPanel } from "../detail/detail-panel";
import { SearchBox } from "../search/search-box";
import { useConnection } from "../stream/hooks";
import { EmptyList } from "../watchlist/empty-list";
import { useWatchlist } from "../watchlist/use-watchlist";
import { WatchTable } from "../watchlist/watch-table";
import { ConnectionBadge } from "./connection-badge";
import { DeskContext } from "./desk-context";
import { ModeLine } from "./mode-line";
import { NoticeBar } from "./notice-bar";
import { createDesk, openDesk } from "./open-desk";
import { useFirstSelection } from "./use-first-selection";

interface DashboardProps {
  session: Session;
  email: string;
}

/** Give it a `key` of the user: a desk belongs to one login. */
export function Dashboard({ session, email }: DashboardProps) {
  const [desk] = useState(() => createDesk(session, email));
  useEffect(() => openDesk(desk), [desk]);
  return (
    <DeskContext value={desk}>
      <DashboardPage email={email} onLogout={() => session.logout()} />
    </DeskContext>
  );
}

function DashboardPage({ email, onLogout }: { email: string; onLogout: () => void }) {
  const { entries, selected } = useWatchlist();
  const { label } = useConnection();
  useFirstSelection();
  const selectedEntry = entries.find((entry) => entry.symbol === selected);
  return (
    <div className="desk" data-connection={label}>
      <header className="bar">
        <BrandMark />
        <SearchBox />
        <ConnectionBadge />
        <div className="account">
          <span className="account-email" title={email}>
            {email}
          </span>
          <button type="button" className="small" data-action="logout" onClick={onLogout}>
            Log out
          </button>
        </div>
      </header>
      <div className="notices">
        <NoticeBar />
        <ModeLine />
      </div>
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
    </div>
  );
}
