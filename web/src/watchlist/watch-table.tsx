import { type KeyboardEvent, useCallback, useRef } from "react";
import { useDesk } from "../desk/desk-context";
import { neighbourOf } from "./entries";
import { rowCommand } from "./row-keys";
import { useWatchlist } from "./use-watchlist";
import { WatchRow } from "./watch-row";

const COLUMNS = [
  ["symbol", "Symbol"],
  ["name", "Name"],
  ["bid", "Bid × size"],
  ["ask", "Ask × size"],
  ["last", "Last"],
  ["change", "Change"],
  ["change-percent", "Chg %"],
  ["volume", "Volume"],
  ["range", "Day range"],
  ["age", "Age"],
] as const;

/** The explicit roles keep the table a table although each row is laid out as a grid. */
export function WatchTable() {
  const { watchlist } = useDesk();
  const { entries, selected } = useWatchlist();
  const body = useRef<HTMLTableSectionElement>(null);
  const tabStop = selected ?? entries[0]?.symbol;

  const select = useCallback((symbol: string) => watchlist.select(symbol), [watchlist]);
  const remove = useCallback((symbol: string) => watchlist.remove(symbol), [watchlist]);
  const focusRow = (symbol: string | null) => {
    if (symbol === null) return;
    body.current?.querySelector<HTMLElement>(`tr[data-symbol="${CSS.escape(symbol)}"] .row-select`)?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const focused = (event.target as Element).closest("tr")?.dataset["symbol"];
    if (focused === undefined) return;
    const symbols = entries.map((entry) => entry.symbol);
    const command = rowCommand(event.key, symbols, focused);
    if (command === null) return;
    event.preventDefault();
    if (command.type === "close") watchlist.select(null);
    if (command.type === "focus") {
      focusRow(command.symbol);
      watchlist.select(command.symbol);
    }
    if (command.type === "remove") {
      focusRow(neighbourOf(entries, command.symbol));
      watchlist.remove(command.symbol);
    }
  };

  return (
    <table className="watch" role="table" data-testid="watchlist">
      <caption className="visually-hidden">
        Watchlist. Arrow keys move between rows, Delete removes a row, Escape closes the details.
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.map(([field, title]) => (
            <th key={field} role="columnheader" scope="col" data-field={field}>
              {title}
            </th>
          ))}
          <th role="columnheader" scope="col" data-field="actions">
            <span className="visually-hidden">Remove</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup" ref={body} onKeyDown={onKeyDown}>
        {entries.map((entry) => (
          <WatchRow
            key={entry.symbol}
            entry={entry}
            selected={entry.symbol === selected}
            tabStop={entry.symbol === tabStop}
            onSelect={select}
            onRemove={remove}
          />
        ))}
      </tbody>
    </table>
  );
}
