import { localOf, utcOf } from "../format/local-time";
import type { Alert, Condition, Reference, Repeat } from "./rules";

/** What to do with an alert that is already true when it is made. */
export type IfTrue = "refuse" | "fire" | "wait";

/** What was typed and chosen; numbers stay as they were typed. */
export interface Values {
  readonly symbol: string;
  readonly condition: Condition;
  readonly threshold: string;
  readonly reference: Reference;
  readonly repeat: Repeat;
  readonly cooldown: number;
  /** Local time, or empty: never. */
  readonly expires: string;
  readonly note: string;
  readonly channels: readonly string[];
  readonly ifTrue: IfTrue;
}

export const NEW_ALERT: Values = {
  symbol: "",
  condition: "ABOVE",
  threshold: "",
  reference: "prev_close",
  repeat: "once",
  cooldown: 0,
  expires: "",
  note: "",
  channels: [],
  ifTrue: "refuse",
};

/** What a request says of a rule. */
export type RuleFields = Readonly<Record<string, unknown>>;

/** An alert at a price that somebody pointed at: it fires when the last price gets there. */
export function valuesAt(symbol: string, price: number | null, last: number | null): Values {
  if (price === null) return { ...NEW_ALERT, symbol };
  return { ...NEW_ALERT, symbol, condition: conditionAt(price, last), threshold: plainPrice(price) };
}

/** Up to a price above the last one, down to one below it. */
function conditionAt(price: number, last: number | null): Condition {
  return last !== null && price < last ? "BELOW" : "ABOVE";
}

/** Follow a price that is typed with the condition that suits it, as long as nobody chose one. */
export function withCondition(values: Values, last: number | null): Values {
  const price = Number(values.threshold);
  if (values.condition === "CHANGE_PCT" || !(price > 0)) return values;
  return { ...values, condition: conditionAt(price, last) };
}

export function valuesOf(alert: Alert): Values {
  return {
    symbol: alert.symbol,
    condition: alert.condition,
    threshold: String(alert.threshold),
    reference: alert.reference,
    repeat: alert.repeat,
    cooldown: alert.cooldownS,
    expires: alert.expiresAt === null ? "" : localOf(alert.expiresAt),
    note: alert.note,
    channels: alert.channels,
    ifTrue: "refuse",
  };
}

/** Whether there is enough to ask the server about. */
export function isComplete({ symbol, threshold }: Values): boolean {
  return symbol.trim() !== "" && threshold.trim() !== "";
}

/** The fields of a new alert. */
export function requestOf(values: Values): RuleFields {
  const { condition, reference, note, ifTrue } = values;
  return {
    ...ruleOf(values),
    ...(condition === "CHANGE_PCT" && { reference }),
    ...(values.expires !== "" && { expires_at: utcOf(values.expires) }),
    note: note.trim(),
    notificationChannels: values.channels,
    if_true: ifTrue,
  };
}

/** What a preview is asked with: the rule, and how far back to look. */
export function questionOf(values: Values, days: number): RuleFields {
  const { condition, reference } = values;
  return { ...ruleOf(values), ...(condition === "CHANGE_PCT" && { reference }), days };
}

function ruleOf({ symbol, condition, threshold, repeat, cooldown }: Values): RuleFields {
  return {
    symbol: symbol.trim(),
    condition,
    threshold: numberOf(threshold),
    repeat,
    cooldown: cooldownOf(repeat, cooldown),
  };
}

/** What was changed; what was left alone is not named, so that it stays even if somebody else changes it meanwhile. */
export function changesOf(values: Values, before: Values): RuleFields {
  const cooldown = cooldownOf(values.repeat, values.cooldown);
  return {
    ...(values.threshold.trim() !== before.threshold && { threshold: numberOf(values.threshold) }),
    ...(isArmedAnew(values, before) && { if_true: values.ifTrue }),
    ...(values.repeat !== before.repeat && { repeat: values.repeat }),
    ...(cooldown !== before.cooldown && { cooldown }),
    ...(values.expires !== before.expires && { expires_at: values.expires === "" ? null : utcOf(values.expires) }),
    ...(values.note.trim() !== before.note && { note: values.note.trim() }),
    ...(values.channels.join() !== before.channels.join() && { notificationChannels: values.channels }),
  };
}

/** Whether it is judged again by the price: with another threshold, and one that has expired with more time. */
export function isArmedAnew(values: Values, before: Values): boolean {
  return values.threshold.trim() !== before.threshold || values.expires !== before.expires;
}

/** What fires once needs no pause. */
function cooldownOf(repeat: Repeat, cooldown: number): number {
  return repeat === "once" ? 0 : cooldown;
}

/** The number that was typed, with a comma between thousands or not; what is none is left for the server to refuse. */
function numberOf(text: string): number | string {
  const plain = text.trim().replaceAll(/,(?=\d{3}(?:\D|$))/g, "");
  const value = Number(plain);
  return plain === "" || !Number.isFinite(value) ? text : value;
}

/** A price as one would type it: cents, and four decimals below 1. */
export function plainPrice(price: number): string {
  return price.toFixed(Math.abs(price) < 1 ? 4 : 2);
}
