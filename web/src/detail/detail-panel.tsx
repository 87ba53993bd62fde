import { useDesk } from "../desk/desk-context";
import { dayChange } from "../format/change";
import { formatChange, formatExactPrice, formatPercent } from "../format/numbers";
import { splitSymbol } from "../format/symbols";
import { formatTimestamp } from "../format/times";
import { useQuote } from "../stream/hooks";
import type { WatchEntry } from "../watchlist/entries";
import { useFlash } from "../watchlist/use-flash";
import { DayFigures } from "./day-figures";
import { DepthSide } from "./depth-side";
import { ladderOf } from "./ladder";
import { SpreadLine } from "./spread-line";
import { useDepth } from "./use-depth";

/** The selected instrument: live prices from the stream, the book from `useDepth`. */
export function DetailPanel({ entry }: { entry: WatchEntry }) {
  const { api, watchlist } = useDesk();
  const quote = useQuote(entry.symbol);
  const { detail, error } = useDepth(api, entry.symbol);
  const { venue, ticker } = splitSymbol(entry.symbol);
  const { absolute, percent, direction } = dayChange(quote?.last ?? null, quote?.prev_close ?? null);
  const ladder = ladderOf(detail?.depth ?? null);
  return (
    <aside className="detail" data-testid="detail" data-symbol={entry.symbol} aria-label={`Details of ${ticker}`}>
      <header className="detail-head">
        <div>
          <h2>
            {ticker} <small>{[venue, detail?.currency].filter(Boolean).join(" · ")}</small>
          </h2>
          <p className="detail-name">{detail?.name ?? entry.name}</p>
        </div>
        <button type="button" className="icon" aria-label="Close details" onClick={() => watchlist.select(null)}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="m4 4 8 8m0-8-8 8" />
          </svg>
        </button>
      </header>
      <p className="detail-last">
        <BigPrice value={quote?.last ?? null} />
        <span className="detail-change" data-direction={direction}>
          {formatChange(absolute, quote?.prev_close)} <span>{formatPercent(percent)}</span>
        </span>
      </p>
      <p className="detail-time">{formatTimestamp(quote?.ts_event ?? null)}</p>
      <DayFigures quote={quote} />
      <section className="depth" aria-label="Depth of the book">
        <SpreadLine bid={quote?.bid ?? null} ask={quote?.ask ?? null} />
        <div className="depth-sides" data-stale={error !== null || undefined}>
          <DepthSide side="bids" rows={ladder.bids} />
          <DepthSide side="asks" rows={ladder.asks} />
        </div>
        <p className="depth-error" role="status">
          {error}
        </p>
      </section>
    </aside>
  );
}

function BigPrice({ value }: { value: number | null }) {
  const price = useFlash<HTMLElement>(value);
  return (
    <strong ref={price} data-field="last" data-value={value ?? ""}>
      <span className="price">{formatExactPrice(value)}</span>
    </strong>
  );
}
