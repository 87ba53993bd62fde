import { portfolioAddress } from "../desk/place";
import { AllocationPanel } from "./allocation-panel";
import { HoldingsTable } from "./holdings-table";
import { PerformancePanel } from "./performance-panel";
import { PortfolioHead } from "./portfolio-head";
import { TotalsLine } from "./totals-line";
import { TransactionsPanel } from "./transactions-panel";
import { useValuation } from "./use-valuation";

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
          <PortfolioHead totals={valuation} />
          <TotalsLine totals={valuation} />
          <section aria-label="Holdings">
            <HoldingsTable valuation={valuation} />
          </section>
          <div className="portfolio-parts">
            <PerformancePanel portfolio={id} revision={valuation.revision} />
            <AllocationPanel holdings={valuation.holdings} />
          </div>
          <TransactionsPanel portfolio={id} currency={valuation.currency} revision={valuation.revision} />
        </>
      )}
    </article>
  );
}
