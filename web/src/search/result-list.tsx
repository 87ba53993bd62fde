import type { Instrument } from "../api/market";
import type { SearchOutcome } from "./use-search";

interface ResultListProps {
  id: string;
  open: boolean;
  outcome: SearchOutcome;
  highlighted: number;
  /** The symbols that are on the watchlist already. */
  held: ReadonlySet<string>;
  /** Why a search or an addition failed, in the server's words. */
  message: string | null;
  onChoose: (instrument: Instrument) => void;
  onHighlight: (index: number) => void;
}

export function ResultList(props: ResultListProps) {
  const { id, open, outcome, highlighted, held, message, onChoose, onHighlight } = props;
  const { results, query } = outcome;
  const nothing = query !== "" && results.length === 0 && message === null;
  return (
    <div className="results" hidden={!open} data-testid="search-results">
      <ul id={id} role="listbox" aria-label="Instruments found">
        {results.map((instrument, index) => (
          <li
            key={instrument.symbol}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === highlighted}
            data-symbol={instrument.symbol}
            // The press must not take the focus from the input, or the list would close before the click.
            onMouseDown={(event) => event.preventDefault()}
            onMouseMove={() => index !== highlighted && onHighlight(index)}
            onClick={() => onChoose(instrument)}
          >
            <b>{instrument.ticker}</b>
            <span className="result-name">{instrument.name}</span>
            {held.has(instrument.symbol) && <span className="result-held">on the list</span>}
            <small>{instrument.venue}</small>
          </li>
        ))}
      </ul>
      <p role="status" className="results-message" hidden={!nothing && message === null} data-error={message !== null}>
        {nothing ? `No instrument matches “${query}”. Press Enter to ask for it by its exact symbol.` : message}
      </p>
    </div>
  );
}
