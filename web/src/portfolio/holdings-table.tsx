import { useMemo } from "react";
import { formatPercent } from "../format/numbers";
import { countedValue, percentOf, wholeOf } from "./allocation";
import { HoldingRow } from "./holding-row";
import { directionOf, formatDecimal, formatGain } from "./money";
import type { Valuation } from "./valuation";

const COLUMNS = [
  ["symbol", "Symbol"],
  ["name", "Name"],
  ["quantity", "Quantity"],
  ["average_cost", "Average cost"],
  ["cost", "Cost"],
  ["price", "Price"],
  ["market_value", "Value"],
  ["unrealized", "Unrealised"],
  ["day_change", "Today"],
  ["weight", "Weight"],
] as const;

/** What is held. The explicit roles keep the table a table although each row is laid out as a grid. */
export function HoldingsTable({ valuation }: { valuation: Valuation }) {
  const { holdings, unpriced } = valuation;
  const whole = useMemo(() => wholeOf(holdings), [holdings]);
  if (holdings.length === 0) return <p className="portfolio-hint">Nothing is held yet: record a purchase.</p>;
  return (
    <>
      <table className="holdings" role="table" data-testid="holdings">
        <caption className="visually-hidden">Holdings, in {valuation.currency}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {COLUMNS.map(([field, title]) => (
              <th key={field} role="columnheader" scope="col" data-field={field}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {holdings.map((holding) => (
            <HoldingRow key={holding.symbol} holding={holding} weight={percentOf(countedValue(holding), whole)?.toFixed(1) ?? null} />
          ))}
        </tbody>
        <tfoot role="rowgroup">
          <Sum valuation={valuation} />
        </tfoot>
      </table>
      {unpriced.length > 0 && (
        <p className="portfolio-hint">No price is known of {unpriced.join(", ")}: counted at cost.</p>
      )}
    </>
  );
}

function Sum({ valuation }: { valuation: Valuation }) {
  const { costBasis, marketValue, unrealized, unrealizedPercent, dayChange, dayChangePercent } = valuation;
  return (
    <tr role="row">
      <th role="rowheader" scope="row" data-field="symbol">
        All
      </th>
      <td role="cell" data-field="name" />
      <td role="cell" data-field="quantity" />
      <td role="cell" data-field="average_cost" />
      <td role="cell" data-field="cost" data-value={costBasis}>
        {formatDecimal(costBasis)}
      </td>
      <td role="cell" data-field="price" />
      <td role="cell" data-field="market_value" data-value={marketValue}>
        {formatDecimal(marketValue)}
      </td>
      <td role="cell" data-field="unrealized" data-value={unrealized} data-direction={directionOf(unrealized)}>
        {formatGain(unrealized)} <small>{formatPercent(unrealizedPercent)}</small>
      </td>
      <td role="cell" data-field="day_change" data-value={dayChange} data-direction={directionOf(dayChange)}>
        {formatGain(dayChange)} <small>{formatPercent(dayChangePercent)}</small>
      </td>
      <td role="cell" data-field="weight" />
    </tr>
  );
}
