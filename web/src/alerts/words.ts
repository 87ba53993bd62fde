import { formatLevel } from "../format/numbers";
import { splitSymbol } from "../format/symbols";
import type { Firing } from "./firings";
import type { Alert, AlertState, Condition, Repeat } from "./rules";

export const CONDITION_WORDS: Readonly<Record<Condition, string>> = {
  ABOVE: "Rises to",
  BELOW: "Falls to",
  CHANGE_PCT: "Moves by",
};

export const REPEAT_WORDS: Readonly<Record<Repeat, string>> = {
  once: "Once",
  daily: "Once a day",
  every_cross: "Every time",
};

export const STATE_WORDS: Readonly<Record<AlertState, string>> = {
  armed: "Armed",
  waiting: "Waiting",
  fired: "Fired",
  paused: "Paused",
  expired: "Expired",
};

type Rule = Pick<Alert, "condition" | "threshold"> & Partial<Pick<Alert, "reference" | "referencePrice">>;

/** "Rises to 230.00", "Moves by 5% from the previous close". */
export function ruleWords({ condition, threshold, reference, referencePrice = null }: Rule): string {
  const verb = CONDITION_WORDS[condition];
  if (condition !== "CHANGE_PCT") return `${verb} ${formatLevel(threshold)}`;
  const words = `${verb} ${threshold}%`;
  if (reference === "prev_close") return `${words} from the previous close`;
  return referencePrice === null ? words : `${words} from ${formatLevel(referencePrice)}`;
}

/** "AAPL rose to 230.05": what a firing is about, without its time. */
export function firingWords({ symbol, condition, threshold, side, price }: Firing): string {
  const { ticker } = splitSymbol(symbol);
  const verb = side > 0 ? "rose" : "fell";
  if (condition !== "CHANGE_PCT") return `${ticker} ${verb} to ${formatLevel(price)}`;
  return `${ticker} ${verb} by ${threshold}% to ${formatLevel(price)}`;
}

/** What an alert waits for. */
export function waitWords({ repeat, state }: Pick<Alert, "repeat" | "state">): string | null {
  if (state !== "waiting") return null;
  return repeat === "daily" ? "for another day, or the price to come back" : "for the price to come back";
}

const SPANS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
] as const;

/** "15 min", "2 h": how long an alert is quiet after it fired. */
export function cooldownWords(seconds: number): string {
  const [length, unit] = SPANS.find(([each]) => seconds % each === 0) ?? [1, "s"];
  return `${seconds / length} ${unit}`;
}
