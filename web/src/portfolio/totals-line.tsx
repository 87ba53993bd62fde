import { formatPercent } from "../format/numbers";
import { directionOf, formatDecimal, formatGain } from "./money";
import type { Totals } from "./valuation";

/** The server's totals, each from the same message as the rows under them. */
export function TotalsLine({ totals }: { totals: Totals }) {
  const { unrealizedPercent, dayChangePercent, returnPercent } = totals;
  return (
    <dl className="totals" data-testid="totals">
      <Amount field="market_value" title="Holdings" amount={totals.marketValue} />
      <Amount field="cash" title="Cash" amount={totals.cash} />
      <Gain field="day_change" title="Today" amount={totals.dayChange} percent={dayChangePercent} />
      <Gain field="unrealized" title="Unrealised" amount={totals.unrealized} percent={unrealizedPercent} />
      <Gain field="realized" title="Realised" amount={totals.realized} percent={null} />
      <div data-field="return_percent">
        <dt>Return on deposits</dt>
        <dd>{formatPercent(returnPercent)}</dd>
      </div>
    </dl>
  );
}

function Amount({ field, title, amount }: { field: string; title: string; amount: string }) {
  return (
    <div data-field={field} data-value={amount}>
      <dt>{title}</dt>
      <dd>{formatDecimal(amount)}</dd>
    </div>
  );
}

interface GainProps {
  field: string;
  title: string;
  amount: string;
  percent: number | null;
}

function Gain({ field, title, amount, percent }: GainProps) {
  return (
    <div data-field={field} data-value={amount}>
      <dt>{title}</dt>
      <dd data-direction={directionOf(amount)}>
        {formatGain(amount)} {percent !== null && <small>{formatPercent(percent)}</small>}
      </dd>
    </div>
  );
}
