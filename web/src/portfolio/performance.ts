import { list, number, orNull, record, string } from "../api/fields";
import { decimal } from "./valuation";

/** What a portfolio was worth at a day's regular close. */
export interface Day {
  /** "2026-03-29". */
  readonly day: string;
  readonly totalValue: string;
}

export interface Performance {
  /** Oldest first. */
  readonly days: readonly Day[];
  /** What came of it, whatever was paid in and out. */
  readonly timeWeightedPercent: number | null;
}

/** Read the answer of `GET /portfolios/{id}/performance`. */
export function performance(body: unknown): Performance {
  const fields = record(body);
  return {
    days: list(fields["days"], day),
    timeWeightedPercent: orNull(number, fields["time_weighted_percent"] ?? null),
  };
}

function day(value: unknown): Day {
  const fields = record(value);
  return { day: string(fields["day"]), totalValue: decimal(fields["total_value"]) };
}
