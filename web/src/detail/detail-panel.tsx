import { ChartPanel } from "../chart/chart-panel";
import { useDesk } from "../desk/desk-context";
import { dayChange } from "../format/change";
import { formatChange, formatExactPrice, formatPercent } from "../format/numbers";
import { splitSymbol } from "../format/symbols";
import { formatTimestamp } from "../format/times";
import { useQuote } from "../stream/hooks";
import { isHalted } from "../stream/messages";
import type { WatchEntry } from "../watchlist/entries";
import { HaltedMark } from "../watchlist/halted-mark";
import { useFlash } from "../watchlist/use-flash";
import { DayFigures } from "./day-figures";
import { DepthSection } from "./depth-section";
import { TradesSection } from "./trades-section";
import { useListing } from "./use-listing";

/** The selected instrument: its quote, the depth of its book, and its latest trades. */
export function DetailPanel({ entry }: { entry: WatchEntry }) {
  const { api, watchlist } = useDesk();
  const quote = useQuote(entry.symbol);
  const listing = useListing(api, entry.symbol);
  const { venue, ticker } = splitSymbol(entry.symbol);
  const { absolute, percent, direction } = dayChange(quote?.last ?? null, quote?.previousClose ?? null);
  return (
    <aside className="detail" data-testid="detail" data-symbol={entry.symbol} aria-label={`Details of ${ticker}`}>
      <header className="detail-head">
        <div>
          <h2>
            {ticker} <small>{[venue, listing?.currency].filter(Boolean).join(" · ")}</small>{" "}
            {isHalted(quote) && <HaltedMark />}
          </h2>
          <p className="detail-name">{listing?.name ?? entry.name}</p>
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
          {formatChange(absolute, quote?.previousClose)} <span>{formatPercent(percent)}</span>
        </span>
      </p>
      <p className="detail-time">{formatTimestamp(quote?.eventUs ?? null)}</p>
      <ChartPanel symbol={entry.symbol} />
      <DayFigures quote={quote} />
      <DepthSection symbol={entry.symbol} bid={quote?.bid ?? null} ask={quote?.ask ?? null} />
      <TradesSection symbol={entry.symbol} />
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
