import { memo } from "react";
import { UNKNOWN, formatExactPrice, formatPercent } from "../format/numbers";
import { splitSymbol } from "../format/symbols";
import { useFlash } from "../watchlist/use-flash";
import { directionOf, formatDecimal, formatGain } from "./money";
import type { Holding } from "./valuation";

interface HoldingRowProps {
  holding: Holding;
  /** "12.3": rounded, so that it is the same as long as it looks the same. */
  weight: string | null;
}

/** One holding; of a portfolio that ticks, only the rows that changed render. */
export const HoldingRow = memo(function HoldingRow({ holding, weight }: HoldingRowProps) {
  const { symbol, name, quantity, averageCost, cost, price, marketValue } = holding;
  const { venue, ticker } = splitSymbol(symbol);
  return (
    <tr role="row" data-symbol={symbol}>
      <th role="rowheader" scope="row" data-field="symbol">
        {ticker} <small>{venue}</small>
      </th>
      <td role="cell" data-field="name" title={name}>
        {name}
      </td>
      <td role="cell" data-field="quantity" data-value={quantity}>
        {formatDecimal(quantity)}
      </td>
      <td role="cell" data-field="average_cost" data-value={averageCost} title={formatDecimal(averageCost)}>
        {formatExactPrice(Number(averageCost))}
      </td>
      <td role="cell" data-field="cost" data-value={cost}>
        {formatDecimal(cost)}
      </td>
      <PriceCell price={price} />
      <td role="cell" data-field="market_value" data-value={marketValue ?? ""}>
        {formatDecimal(marketValue)}
      </td>
      <GainCell field="unrealized" amount={holding.unrealized} percent={holding.unrealizedPercent} />
      <GainCell field="day_change" amount={holding.dayChange} percent={holding.dayChangePercent} />
      <WeightCell weight={weight} />
    </tr>
  );
});

function PriceCell({ price }: { price: number | null }) {
  const cell = useFlash<HTMLTableCellElement>(price);
  return (
    <td role="cell" ref={cell} data-field="price" data-value={price ?? ""}>
      <span className="price">{formatExactPrice(price)}</span>
    </td>
  );
}

interface GainCellProps {
  field: string;
  amount: string | null;
  percent: number | null;
}

function GainCell({ field, amount, percent }: GainCellProps) {
  return (
    <td role="cell" data-field={field} data-value={amount ?? ""} data-direction={directionOf(amount)}>
      {formatGain(amount)} {percent !== null && <small>{formatPercent(percent)}</small>}
    </td>
  );
}

function WeightCell({ weight }: { weight: string | null }) {
  return (
    <td role="cell" data-field="weight" data-value={weight ?? ""}>
      {weight === null ? UNKNOWN : `${weight}%`}
    </td>
  );
}
