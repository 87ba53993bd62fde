import type { Quote } from "../stream/messages";
import type { Alert } from "./rules";

type Rule = Pick<Alert, "condition" | "threshold" | "reference" | "referencePrice">;
type Prices = Pick<Quote, "last" | "previousClose">;

/** How far the last price is from where an alert fires. */
export interface Distance {
  /** The price at which it fires. */
  readonly level: number;
  /** What the last price has to change by; 0: it is there, or beyond. */
  readonly percent: number;
}

/** The nearest line of a rule; null where a price is unknown. */
export function distanceOf(rule: Rule, prices: Prices | undefined): Distance | null {
  const last = prices?.last ?? null;
  if (last === null || last <= 0) return null;
  const distances = levelsOf(rule, prices?.previousClose ?? null).map(({ level, side }) => ({
    level,
    percent: isReached(side, level, last) ? 0 : (level / last - 1) * 100,
  }));
  return distances.toSorted((one, other) => Math.abs(one.percent) - Math.abs(other.percent))[0] ?? null;
}

export interface Level {
  readonly level: number;
  /** 1: it fires at or above, -1: at or below. */
  readonly side: 1 | -1;
}

/** The prices at which a rule fires. */
export function levelsOf(rule: Rule, previousClose: number | null): Level[] {
  const { condition, threshold, reference, referencePrice } = rule;
  if (condition !== "CHANGE_PCT") return [{ level: threshold, side: condition === "ABOVE" ? 1 : -1 }];
  const from = reference === "created" ? referencePrice : previousClose;
  if (from === null || from <= 0) return [];
  const up: Level = { level: from * (1 + threshold / 100), side: 1 };
  const down: Level = { level: from * (1 - threshold / 100), side: -1 };
  return down.level > 0 ? [up, down] : [up];
}

function isReached(side: 1 | -1, level: number, last: number): boolean {
  return side === 1 ? last >= level : last <= level;
}

/** From here on an alert is far away. */
const FAR_PERCENT = 10;

/** 1: there; 0: far away. */
export function nearness({ percent }: Distance): number {
  return Math.max(0, 1 - Math.abs(percent) / FAR_PERCENT);
}
