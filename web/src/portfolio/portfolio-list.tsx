import { useCallback, useState } from "react";
import { useAsked } from "../asking/use-asked";
import { useDesk } from "../desk/desk-context";
import { portfolioAddress } from "../desk/place";
import { formatPercent } from "../format/numbers";
import { useOrders } from "../orders/use-order";
import { usePortfolio } from "../stream/hooks";
import { CreateDialog } from "./create-dialog";
import { directionOf, formatDecimal, formatGain } from "./money";
import type { Totals } from "./valuation";

const ASK_EVERY_MS = 10_000;

/** All portfolios with what they are worth: asked for now and then, the open one as it streams. */
export function PortfolioList({ open }: { open: string | null }) {
  const { portfolios } = useDesk();
  const { decisions } = useOrders();
  const [isCreating, setCreating] = useState(false);
  const ask = useCallback((signal: AbortSignal) => portfolios.list(signal), [portfolios]);
  const { answer, problem } = useAsked(ask, ASK_EVERY_MS, decisions);
  const live = usePortfolio()?.valuation;
  return (
    <nav className="portfolio-list" aria-label="Portfolios">
      <header>
        <h2>Portfolios</h2>
        <button type="button" className="small" data-action="create-portfolio" onClick={() => setCreating(true)}>
          New portfolio
        </button>
      </header>
      {problem !== null && <p role="status" className="portfolio-problem">{problem.message}</p>}
      {answer?.length === 0 && <p className="empty">You have no portfolio yet.</p>}
      <ul data-testid="portfolio-list">
        {answer?.map((each) => (
          <Entry key={each.id} totals={each.id === live?.id ? live : each} isOpen={each.id === open} />
        ))}
      </ul>
      {isCreating && <CreateDialog onClose={() => setCreating(false)} />}
    </nav>
  );
}

function Entry({ totals, isOpen }: { totals: Totals; isOpen: boolean }) {
  const { id, name, currency, totalValue, dayChange, dayChangePercent } = totals;
  return (
    <li>
      <a href={portfolioAddress(id)} data-portfolio={id} aria-current={isOpen ? "page" : undefined}>
        <b>{name}</b>
        <span data-field="total_value" data-value={totalValue}>
          {formatDecimal(totalValue)} <small>{currency}</small>
        </span>
        <span data-field="day_change" data-direction={directionOf(dayChange)}>
          {formatGain(dayChange)} {formatPercent(dayChangePercent)}
        </span>
      </a>
    </li>
  );
}
