import { PortfolioList } from "./portfolio-list";
import { PortfolioPage } from "./portfolio-page";

/** The section of the page that is about what the user owns: the list of portfolios, and the one that is open. */
export function Portfolios({ open }: { open: string | null }) {
  return (
    <main className="portfolios" data-detail={open === null ? "closed" : "open"}>
      <PortfolioList open={open} />
      <div className="portfolio-pane">
        {open === null ? (
          <p className="empty">Choose a portfolio, or open a new one.</p>
        ) : (
          <PortfolioPage key={open} id={open} />
        )}
      </div>
    </main>
  );
}
