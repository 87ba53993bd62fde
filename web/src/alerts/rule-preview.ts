import { count, list, number, orNull, record, string } from "../api/fields";
import { positive } from "./rules";

/** How often a rule would have fired lately, and whether it is true already. */
export interface RulePreview {
  readonly count: number;
  /** The newest of them, newest first. */
  readonly firings: readonly { readonly firedAt: string; readonly price: number; readonly side: number }[];
  /** Null where no price is known. */
  readonly alreadyTrue: boolean | null;
  readonly price: number | null;
  /** What was looked at. */
  readonly from: string;
  readonly to: string;
  /** By what it was reckoned: "1m candles". */
  readonly basis: string;
}

export function rulePreview(body: unknown): RulePreview {
  const fields = record(body);
  const alreadyTrue = fields["already_true"];
  return {
    count: count(fields["count"]),
    firings: list(fields["firings"], (value) => {
      const { fired_at: firedAt, price, side } = record(value);
      return { firedAt: string(firedAt), price: positive(price), side: number(side) };
    }),
    alreadyTrue: typeof alreadyTrue === "boolean" ? alreadyTrue : null,
    price: orNull(positive, fields["price"]),
    from: string(fields["from"]),
    to: string(fields["to"]),
    basis: string(fields["basis"]),
  };
}

/** Where in the time that was looked at each firing lies, 0 to 1. */
export function placesOf({ firings, from, to }: RulePreview): number[] {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  if (!(end > start)) return [];
  return firings.map(({ firedAt }) => Math.min(1, Math.max(0, (Date.parse(firedAt) - start) / (end - start))));
}

/** "3 times", as one says it. */
export function timesWords(times: number): string {
  return times === 1 ? "once" : `${times.toLocaleString("en-US")} times`;
}
