import { utcOf } from "../format/local-time";

/** The kinds of transactions, and which fields each of them has. */
export const KINDS = ["BUY", "SELL", "DIVIDEND", "DEPOSIT", "WITHDRAWAL", "FEE", "SPLIT"] as const;
export type Kind = (typeof KINDS)[number];

export const FIELDS = ["symbol", "quantity", "price", "commission", "executed_at", "note"] as const;
export type Field = (typeof FIELDS)[number];

/** What was typed, as it was typed: numbers stay text. */
export type Values = Readonly<Record<Field, string>>;

export const NO_VALUES: Values = {
  symbol: "",
  quantity: "",
  price: "",
  commission: "",
  executed_at: "",
  note: "",
};

type Words = Readonly<Partial<Record<Field, string>>>;

const TRADE: Words = { symbol: "Symbol", quantity: "Quantity", price: "Price", commission: "Commission" };
const CASH: Words = { price: "Amount" };

/** What the fields of each kind are called; it has no others. */
const OWN_FIELDS: Readonly<Record<Kind, Words>> = {
  BUY: TRADE,
  SELL: TRADE,
  DIVIDEND: { symbol: "Symbol", quantity: "Shares", price: "Per share", commission: "Withheld" },
  DEPOSIT: CASH,
  WITHDRAWAL: CASH,
  FEE: CASH,
  SPLIT: { symbol: "Symbol", quantity: "New shares for one" },
};

const OPTIONAL: ReadonlySet<Field> = new Set(["commission", "executed_at", "note"]);

export function fieldWords(kind: Kind): Words {
  return { ...OWN_FIELDS[kind], executed_at: "Executed (empty: now)", note: "Note" };
}

export function fieldsOf(kind: Kind): Field[] {
  const words = fieldWords(kind);
  return FIELDS.filter((field) => field in words);
}

/** Whether there is enough to ask the server about. */
export function isComplete(kind: Kind, values: Values): boolean {
  return fieldsOf(kind).every((field) => OPTIONAL.has(field) || values[field].trim() !== "");
}

/** What a request says of a transaction. */
export type TransactionFields = Readonly<Record<string, string>>;

/** The fields of this kind that were filled in; `executed_at` is local time and becomes UTC. */
export function requestOf(kind: Kind, values: Values): TransactionFields {
  const filled = fieldsOf(kind)
    .map((field) => [field, values[field].trim()] as const)
    .filter(([, text]) => text !== "")
    .map(([field, text]) => [field, field === "executed_at" ? utcOf(text) : text]);
  return { type: kind, ...Object.fromEntries(filled) };
}

/** What is left out of a correction stays: what was emptied is named, and a time that was left alone is not. */
export function correctionOf(kind: Kind, values: Values, before: Values): TransactionFields {
  const isTimeKept = values.executed_at === before.executed_at;
  const emptied = fieldsOf(kind).includes("commission") ? { commission: "0", note: "" } : { note: "" };
  return { ...emptied, ...requestOf(kind, isTimeKept ? { ...values, executed_at: "" } : values) };
}

/** Words of a kind in a sentence: "Buy". */
export function kindWord(kind: Kind): string {
  return kind.charAt(0) + kind.slice(1).toLowerCase();
}
