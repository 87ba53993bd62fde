import { memo, useState } from "react";
import { ConfirmDialog } from "../forms/confirm-dialog";
import { kindWord } from "./kinds";
import { voidOrder } from "./orders";
import { TransactionDialog } from "./transaction-dialog";
import { TransactionRow } from "./transaction-row";
import { type Transaction, shown } from "./transactions";
import { useTransactions } from "./use-transactions";

interface TransactionsPanelProps {
  portfolio: string;
  currency: string;
  revision: number;
}

const COLUMNS = ["Executed", "Type", "Symbol", "Quantity", "Price", "Commission", "Cash", "Note"];

type Asking = { readonly about: Transaction; readonly what: "correct" | "void" } | null;

/** What is on record, newest first; what was corrected stays to be seen. Prices that tick do not render it. */
export const TransactionsPanel = memo(function TransactionsPanel(props: TransactionsPanelProps) {
  const { portfolio, currency, revision } = props;
  const { answer, problem, loadOlder } = useTransactions(portfolio, revision);
  const [asking, ask] = useState<Asking>(null);
  const close = () => ask(null);
  return (
    <section className="portfolio-part transactions" aria-label="Transactions">
      <h2>Transactions</h2>
      {problem !== null && <p className="portfolio-problem">{problem.message}</p>}
      {answer?.items.length === 0 && <p className="portfolio-hint">Nothing is on record yet.</p>}
      {answer !== null && answer.items.length > 0 && (
        <div className="scrolls">
          <table data-testid="transactions">
            <caption className="visually-hidden">Transactions, newest first, amounts in {currency}</caption>
            <thead>
              <tr>
                {COLUMNS.map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
                <th scope="col">
                  <span className="visually-hidden">Correct or void</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown(answer.items).map(({ transaction, state }) => (
                <TransactionRow
                  key={transaction.id}
                  transaction={transaction}
                  state={state}
                  onCorrect={() => ask({ about: transaction, what: "correct" })}
                  onVoid={() => ask({ about: transaction, what: "void" })}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {answer !== null && answer.next !== null && (
        <button type="button" className="small" data-action="load-older" onClick={loadOlder}>
          Older transactions
        </button>
      )}
      {asking?.what === "correct" && (
        <TransactionDialog portfolio={portfolio} currency={currency} corrected={asking.about} onClose={close} />
      )}
      {asking?.what === "void" && (
        <ConfirmDialog
          title={`Void ${[kindWord(asking.about.kind), asking.about.symbol].filter(Boolean).join(" ")}`}
          consequence="The transaction stays on record, without effect."
          submit="Void"
          order={voidOrder(portfolio, asking.about.id)}
          onTaken={close}
          onClose={close}
        />
      )}
    </section>
  );
});
