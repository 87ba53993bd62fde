import { oneOf, orNull, record, string } from "../api/fields";
import { page } from "../api/pages";
import { KINDS, type Kind } from "./kinds";
import { decimal } from "./valuation";

/** A transaction on record; what its kind does not have is null. */
export interface Transaction {
  readonly id: string;
  readonly kind: Kind;
  readonly symbol: string | null;
  readonly quantity: string | null;
  readonly price: string | null;
  readonly commission: string | null;
  /** Quantity times price. */
  readonly amount: string | null;
  /** What it does to the cash. */
  readonly cash: string;
  readonly executedAt: string;
  /** The transaction that it stands in the place of. */
  readonly corrects: string | null;
  /** It puts nothing in the place of what it corrects. */
  readonly isVoid: boolean;
  readonly note: string;
}

/** A transaction, and whether it takes effect: it does not if another stands in its place, or one that voids it. */
export interface Shown {
  readonly transaction: Transaction;
  readonly state: "effective" | "corrected" | "voided" | "voiding";
}

export function transaction(value: unknown): Transaction {
  const fields = record(value);
  const amount = (name: string) => orNull(decimal, fields[name]);
  return {
    id: string(fields["id"]),
    kind: oneOf(KINDS, fields["type"]),
    symbol: orNull(string, fields["symbol"]),
    quantity: amount("quantity"),
    price: amount("price"),
    commission: amount("commission"),
    amount: amount("amount"),
    cash: decimal(fields["cash"]),
    executedAt: string(fields["executed_at"]),
    corrects: orNull(string, fields["corrects"]),
    isVoid: fields["void"] === true,
    note: string(fields["note"]),
  };
}

export const transactionPage = page("transactions", transaction);

/** Say of each whether it takes effect, as far as the pages at hand can tell. */
export function shown(transactions: readonly Transaction[]): Shown[] {
  const corrections = new Map(transactions.map((each) => [each.corrects, each]));
  return transactions.map((each) => ({ transaction: each, state: stateOf(each, corrections.get(each.id)) }));
}

function stateOf(each: Transaction, correction: Transaction | undefined): Shown["state"] {
  if (correction !== undefined) return correction.isVoid ? "voided" : "corrected";
  return each.isVoid ? "voiding" : "effective";
}
