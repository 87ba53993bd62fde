import { useState } from "react";
import { goTo, portfolioAddress } from "../desk/place";
import { ConfirmDialog } from "./confirm-dialog";
import { HoldingsTable } from "./holdings-table";
import { formatDecimal } from "./money";
import { closeOrder } from "./orders";
import { RenameDialog } from "./rename-dialog";
import { TotalsLine } from "./totals-line";
import { useValuation } from "./use-valuation";
import type { Valuation } from "./valuation";

type Asking = "rename" | "close" | null;

/** One portfolio. Give it a `key` of its id. */
export function PortfolioPage({ id }: { id: string }) {
  const { valuation, problem } = useValuation(id);
  return (
    <article className="portfolio" data-testid="portfolio" data-portfolio={id} data-revision={valuation?.revision}>
      <p className="portfolio-back">
        <a href={portfolioAddress(null)}>← All portfolios</a>
      </p>
      {problem !== null && (
        <p role="status" className="portfolio-problem">
          {problem}
        </p>
      )}
      {valuation !== null && (
        <>
          <Head valuation={valuation} />
          <TotalsLine totals={valuation} />
          <section aria-label="Holdings">
            <HoldingsTable valuation={valuation} />
          </section>
        </>
      )}
    </article>
  );
}

function Head({ valuation }: { valuation: Valuation }) {
  const { id, name, currency, totalValue } = valuation;
  const [asking, ask] = useState<Asking>(null);
  const close = () => ask(null);
  return (
    <header className="portfolio-head">
      <h1>{name}</h1>
      <p className="portfolio-total" data-field="total_value" data-value={totalValue}>
        {formatDecimal(totalValue)} <small>{currency}</small>
      </p>
      <div className="portfolio-actions">
        <button type="button" className="small" data-action="rename" onClick={() => ask("rename")}>
          Rename
        </button>
        <button type="button" className="small" data-action="close" onClick={() => ask("close")}>
          Close
        </button>
      </div>
      {asking === "rename" && <RenameDialog id={id} name={name} onClose={close} />}
      {asking === "close" && (
        <ConfirmDialog
          title={`Close ${name}`}
          consequence="Nobody sees this portfolio and its transactions any more. This cannot be taken back."
          submit="Close for good"
          order={closeOrder(id)}
          onTaken={() => goTo(portfolioAddress(null))}
          onClose={close}
        />
      )}
    </header>
  );
}
