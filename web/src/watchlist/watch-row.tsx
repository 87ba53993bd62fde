import { memo, useEffect, useRef } from "react";
import { dayChange } from "../format/change";
import { formatChange, formatPercent, formatPrice, formatVolume } from "../format/numbers";
import { splitSymbol } from "../format/symbols";
import { useHalted, useProblem, useQuote } from "../stream/hooks";
import { HaltedMark } from "./halted-mark";
import { AgeCell, LastCell, NumberCell, RangeCell, SideCell } from "./cells";
import type { WatchEntry } from "./entries";
import { useOnScreen } from "./on-screen";

interface WatchRowProps {
  entry: WatchEntry;
  selected: boolean;
  /** Whether Tab stops here: one row of the table does, the arrow keys reach the others. */
  tabStop: boolean;
  onSelect: (symbol: string) => void;
  onRemove: (symbol: string) => void;
}

export const WatchRow = memo(function WatchRow({ entry, selected, tabStop, onSelect, onRemove }: WatchRowProps) {
  const row = useRef<HTMLTableRowElement>(null);
  const refusal = useProblem(entry.symbol);
  const halted = useHalted(entry.symbol);
  const problem = entry.problem ?? refusal;
  const { symbol } = entry;
  const { venue, ticker } = splitSymbol(symbol);
  const tabIndex = tabStop ? 0 : -1;

  useEffect(() => {
    if (selected) row.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);

  return (
    <tr
      role="row"
      ref={row}
      data-symbol={symbol}
      data-problem={problem === undefined ? undefined : ""}
      data-halted={halted ? "" : undefined}
      aria-current={selected ? "true" : undefined}
      onClick={() => onSelect(symbol)}
    >
      <th role="rowheader" scope="row" data-field="symbol">
        <button type="button" className="row-select" tabIndex={tabIndex}>
          {ticker} {halted && <HaltedMark />} {venue !== "" && <small>{venue}</small>}
        </button>
      </th>
      <td role="cell" data-field="name" title={entry.name ?? undefined}>
        {entry.name}
      </td>
      {problem === undefined ? (
        <Prices symbol={symbol} row={row} />
      ) : (
        <Refusal sentence={problem} />
      )}
      <td role="cell" data-field="actions">
        <button
          type="button"
          className="icon"
          data-action="remove"
          tabIndex={tabIndex}
          aria-label={`Remove ${ticker}`}
          onClick={(event) => {
            event.stopPropagation();
            onRemove(symbol);
          }}
        >
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
            <path d="m4 4 8 8m0-8-8 8" />
          </svg>
        </button>
      </td>
    </tr>
  );
});

/** One cell over all prices up to the volume; the range and the age keep theirs, since narrow lists hide the range. */
function Refusal({ sentence }: { sentence: string }) {
  return (
    <>
      <td role="cell" colSpan={6} className="row-problem">
        {sentence}
      </td>
      <td role="cell" data-field="range" />
      <td role="cell" data-field="age" />
    </>
  );
}

function Prices({ symbol, row }: { symbol: string; row: React.RefObject<HTMLTableRowElement | null> }) {
  const visible = useOnScreen(row);
  const quote = useQuote(symbol, !visible);
  const last = quote?.last ?? null;
  const previousClose = quote?.previousClose ?? null;
  const { absolute, percent, direction } = dayChange(last, previousClose);
  const volume = quote?.volume ?? null;
  return (
    <>
      <SideCell field="bid" price={quote?.bid ?? null} size={quote?.bidSize ?? null} />
      <SideCell field="ask" price={quote?.ask ?? null} size={quote?.askSize ?? null} />
      <LastCell value={last} text={formatPrice(last)} />
      <NumberCell
        field="change"
        value={absolute}
        text={formatChange(absolute, previousClose)}
        direction={direction}
      />
      <NumberCell field="change-percent" value={percent} text={formatPercent(percent)} direction={direction} />
      <NumberCell field="volume" value={volume} text={formatVolume(volume)} />
      <RangeCell last={last} low={quote?.low ?? null} high={quote?.high ?? null} />
      <AgeCell receivedUs={quote?.receivedUs ?? null} />
    </>
  );
}
