import { Fragment, memo } from "react";
import { formatExactPrice, formatSize } from "../format/numbers";
import { formatTimeOfDay } from "../format/times";
import { useTape } from "../stream/hooks";
import type { Missed, Trade } from "../stream/tape";
import { useSilence } from "./use-silence";

/** Time and sales: the latest trades, newest first. */
export const TradesSection = memo(function TradesSection({ symbol }: { symbol: string }) {
  const silence = useSilence("trades", symbol);
  const tape = useTape(symbol);
  const trades = tape?.trades ?? [];
  return (
    <section className="trades" aria-label="Time and sales">
      <table data-testid="trades" data-stale={silence === null ? undefined : ""}>
        <caption>Trades</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Price</th>
            <th scope="col">Size</th>
          </tr>
        </thead>
        <tbody>
          <MissedRow missed={tape?.missed ?? 0} />
          {trades.map((trade) => (
            <Fragment key={trade.sequence}>
              <TradeRow trade={trade} />
              <MissedRow missed={trade.missedBefore} />
            </Fragment>
          ))}
        </tbody>
      </table>
      <p className="silence" role="status">
        {silence}
      </p>
      {trades.length === 0 && silence === null && <p className="trades-none">None yet.</p>}
    </section>
  );
});

const TradeRow = memo(function TradeRow({ trade }: { trade: Trade }) {
  const { withdrawn, direction } = trade;
  return (
    <tr data-sequence={trade.sequence} data-withdrawn={withdrawn ? "" : undefined}>
      <td className="time">
        {formatTimeOfDay(trade.tradeUs)}
        {withdrawn && <span className="visually-hidden"> withdrawn</span>}
      </td>
      <td data-direction={direction} data-value={trade.price}>
        {formatExactPrice(trade.price)}
      </td>
      <td>{formatSize(trade.size)}</td>
    </tr>
  );
});

function MissedRow({ missed }: { missed: Missed }) {
  if (missed === 0) return null;
  return (
    <tr className="missed">
      <td colSpan={3}>{missedWords(missed)}</td>
    </tr>
  );
}

function missedWords(missed: Missed): string {
  if (missed === "some") return "Trades may be missing here";
  return missed === 1 ? "1 trade left out" : `${missed.toLocaleString("en-US")} trades left out`;
}
