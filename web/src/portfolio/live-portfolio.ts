import type { Holding, Valuation, ValuationChange } from "./valuation";

/** The portfolio that is watched, as far as the stream has told. */
export interface LivePortfolio {
  readonly id: string;
  /** As of the latest message; it stays to be seen while the stream is away. */
  readonly valuation: Valuation | null;
  /** Of the latest message. Null: only a whole one can be taken. */
  readonly number: number | null;
  /** The server's sentence why it is not sent. */
  readonly problem: string | null;
}

export type PortfolioMessage =
  | { readonly type: "portfolio"; readonly number: number; readonly valuation: Valuation }
  | { readonly type: "portfolio_update"; readonly number: number; readonly change: ValuationChange };

export function unheard(id: string): LivePortfolio {
  return { id, valuation: null, number: null, problem: null };
}

/** A connection that is new, or missed something, begins with the whole. */
export function withoutNumber(held: LivePortfolio): LivePortfolio {
  return { ...held, number: null };
}

/** Take a message in; one that is not of this portfolio, or not the next, changes no figure. */
export function applyPortfolio(held: LivePortfolio, message: PortfolioMessage): LivePortfolio {
  if (message.type === "portfolio") {
    const { valuation, number } = message;
    return valuation.id === held.id ? { id: held.id, valuation, number, problem: null } : held;
  }
  const { change, number } = message;
  if (change.id !== held.id || held.valuation === null || held.number === null) return held;
  if (number !== held.number + 1) return withoutNumber(held);
  return { ...held, valuation: merge(held.valuation, change), number };
}

/** Totals are the new ones. Rows that are not in the change keep their identity, and so need not be drawn again. */
export function merge(before: Valuation, { removed, ...after }: ValuationChange): Valuation {
  const rows = new Map<string, Holding>(before.holdings.map((row) => [row.symbol, row]));
  for (const symbol of removed) rows.delete(symbol);
  for (const row of after.holdings) rows.set(row.symbol, row);
  return { ...after, holdings: [...rows.values()].toSorted(bySymbol) };
}

function bySymbol(one: Holding, other: Holding): number {
  return one.symbol < other.symbol ? -1 : 1;
}
