import { type Fields, MalformedError, count, list, number, orNull, record, string } from "../api/fields";

/** What a portfolio is worth, as `GET /portfolios/{id}` and the stream say it. Amounts are text, see `money.ts`. */
export interface Totals {
  readonly id: string;
  readonly name: string;
  readonly currency: string;
  /** Grows with every command that changes the portfolio. */
  readonly revision: number;
  /** ISO 8601, always of one length: the later of two is the larger text. */
  readonly asOf: string;
  readonly cash: string;
  readonly marketValue: string;
  readonly totalValue: string;
  readonly costBasis: string;
  readonly unrealized: string;
  readonly unrealizedPercent: number | null;
  readonly realized: string;
  readonly dayChange: string;
  readonly dayChangePercent: number | null;
  readonly returnPercent: number | null;
  /** Held, but without a price: these count at their cost. */
  readonly unpriced: readonly string[];
}

export interface Holding {
  readonly symbol: string;
  readonly name: string;
  readonly sector: string;
  readonly quantity: string;
  readonly averageCost: string;
  readonly cost: string;
  readonly price: number | null;
  readonly marketValue: string | null;
  readonly unrealized: string | null;
  readonly unrealizedPercent: number | null;
  readonly dayChange: string | null;
  readonly dayChangePercent: number | null;
}

export interface Valuation extends Totals {
  /** By symbol, rising. */
  readonly holdings: readonly Holding[];
}

/** All totals, the rows that differ, and the symbols that are held no more. */
export interface ValuationChange extends Valuation {
  readonly removed: readonly string[];
}

export function totals(value: unknown): Totals {
  const fields = record(value);
  return {
    id: string(fields["id"]),
    name: string(fields["name"]),
    currency: string(fields["currency"]),
    revision: count(fields["revision"]),
    asOf: string(fields["as_of"]),
    cash: decimal(fields["cash"]),
    marketValue: decimal(fields["market_value"]),
    totalValue: decimal(fields["total_value"]),
    costBasis: decimal(fields["cost_basis"]),
    unrealized: decimal(fields["unrealized"]),
    unrealizedPercent: orNull(number, fields["unrealized_percent"]),
    realized: decimal(fields["realized"]),
    dayChange: decimal(fields["day_change"]),
    dayChangePercent: orNull(number, fields["day_change_percent"]),
    returnPercent: orNull(number, fields["return_percent"]),
    unpriced: list(fields["unpriced"], string),
  };
}

export function valuation(value: unknown): Valuation {
  return { ...totals(value), holdings: holdings(record(value)) };
}

export function valuationChange(value: unknown): ValuationChange {
  return { ...valuation(value), removed: list(record(value)["removed"], string) };
}

function holdings(fields: Fields): Holding[] {
  return list(fields["holdings"], holding);
}

function holding(value: unknown): Holding {
  const fields = record(value);
  return {
    symbol: string(fields["symbol"]),
    name: string(fields["name"]),
    sector: string(fields["sector"]),
    quantity: decimal(fields["quantity"]),
    averageCost: decimal(fields["average_cost"]),
    cost: decimal(fields["cost"]),
    price: orNull(number, fields["price"]),
    marketValue: orNull(decimal, fields["market_value"]),
    unrealized: orNull(decimal, fields["unrealized"]),
    unrealizedPercent: orNull(number, fields["unrealized_percent"]),
    dayChange: orNull(decimal, fields["day_change"]),
    dayChangePercent: orNull(number, fields["day_change_percent"]),
  };
}

/** A number as the ledger writes it. */
export function decimal(value: unknown): string {
  const text = string(value);
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new MalformedError(`${text} is no decimal`);
  return text;
}
