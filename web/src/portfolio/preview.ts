import { MalformedError, list, record, string } from "../api/fields";
import { type Transaction, transaction } from "./transactions";
import { decimal } from "./valuation";

interface Step {
  readonly before: string;
  readonly after: string;
}

/** What a transaction would come to, as the ledger itself reckons it. */
export interface Preview {
  readonly transaction: Transaction;
  readonly cash: Step;
  /** How many would be held of each symbol concerned. */
  readonly holdings: readonly { readonly symbol: string; readonly quantity: Step }[];
}

/** Read the answer of a dry run. */
export function preview(body: unknown): Preview {
  const fields = record(body);
  const [first] = list(fields["transactions"], transaction);
  if (first === undefined) throw new MalformedError("no transaction");
  const cash = record(fields["cash"]);
  return {
    transaction: first,
    cash: { before: decimal(cash["before"]), after: decimal(cash["after"]) },
    holdings: list(fields["holdings"], (value) => {
      const { symbol, before, after } = record(value);
      return { symbol: string(symbol), quantity: { before: quantityOf(before), after: quantityOf(after) } };
    }),
  };
}

function quantityOf(holding: unknown): string {
  return holding === null ? "0" : decimal(record(holding)["quantity"]);
}
