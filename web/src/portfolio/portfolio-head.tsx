import { useState } from "react";
import { goTo, portfolioAddress } from "../desk/place";
import { ConfirmDialog } from "../forms/confirm-dialog";
import { ExportButton } from "./export-button";
import { ImportDialog } from "./import-dialog";
import { formatDecimal } from "./money";
import { closeOrder } from "./orders";
import { RenameDialog } from "./rename-dialog";
import { TransactionDialog } from "./transaction-dialog";
import type { Totals } from "./valuation";

type Asking = "record" | "import" | "rename" | "close";

const ACTIONS: readonly (readonly [Asking, string])[] = [
  ["record", "Record a transaction"],
  ["import", "Import"],
  ["rename", "Rename"],
  ["close", "Close"],
];

/** A portfolio's name and worth, and what can be done with it. */
export function PortfolioHead({ totals }: { totals: Totals }) {
  const { id, name, currency, totalValue } = totals;
  const [asking, ask] = useState<Asking | null>(null);
  const close = () => ask(null);
  return (
    <header className="portfolio-head">
      <h1>{name}</h1>
      <p className="portfolio-total" data-field="total_value" data-value={totalValue}>
        {formatDecimal(totalValue)} <small>{currency}</small>
      </p>
      <div className="portfolio-actions">
        {ACTIONS.map(([action, words]) => (
          <button
            key={action}
            type="button"
            className={action === "record" ? "small main" : "small"}
            data-action={action}
            onClick={() => ask(action)}
          >
            {words}
          </button>
        ))}
        <ExportButton portfolio={id} name={name} />
      </div>
      {asking === "record" && (
        <TransactionDialog portfolio={id} currency={currency} corrected={null} onClose={close} />
      )}
      {asking === "import" && <ImportDialog portfolio={id} onClose={close} />}
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
