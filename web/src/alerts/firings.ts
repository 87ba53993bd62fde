import { number, oneOf, record, string } from "../api/fields";
import { page } from "../api/pages";
import { CONDITIONS, type Condition, positive } from "./rules";

/** `limit`: recorded, but the hour had seen too many to send it. `cooldown`: too soon after the last. */
export const OUTCOMES = ["sent", "limit", "cooldown"] as const;
export type FiringOutcome = (typeof OUTCOMES)[number];

/** That an alert fired: when, and at which price. */
export interface Firing {
  readonly id: string;
  readonly alert: string;
  readonly symbol: string;
  readonly condition: Condition;
  readonly threshold: number;
  /** Above 0: from below; below 0: from above. */
  readonly side: number;
  readonly price: number;
  /** The exchange's time of the price. */
  readonly firedAt: string;
  readonly outcome: FiringOutcome;
  readonly note: string;
}

/** The price at which each alert fired last, by its id, as far as a history tells: what a cooldown ate is no firing. */
export function lastPrices(newestFirst: readonly Firing[]): ReadonlyMap<string, number> {
  const counted = newestFirst.filter(({ outcome }) => outcome !== "cooldown");
  return new Map(counted.toReversed().map(({ alert, price }) => [alert, price]));
}

export function firing(value: unknown): Firing {
  const fields = record(value);
  return {
    id: string(fields["id"]),
    alert: string(fields["alert_id"]),
    symbol: string(fields["symbol"]),
    condition: oneOf(CONDITIONS, fields["condition"]),
    threshold: positive(fields["threshold"]),
    side: number(fields["side"]),
    price: positive(fields["price"]),
    firedAt: string(fields["fired_at"]),
    outcome: oneOf(OUTCOMES, fields["outcome"]),
    note: string(fields["note"]),
  };
}

export const firingPage = page("firings", firing);
