import { MINUS, UNKNOWN } from "../format/numbers";

/** Amounts are the ledger's text ("-1234.50") and are never made floats: what is shown adds up to the last digit. */

/** An amount in whole minor units: "-12.34" is -1234n. Amounts of one currency have the same number of decimals. */
export function minorUnits(amount: string): bigint {
  return BigInt(amount.replace(".", ""));
}

/** "1,234.50": an amount, a quantity or a price, with all the digits that it has. */
export function formatDecimal(amount: string | null): string {
  if (amount === null) return UNKNOWN;
  const [whole = "", fraction] = amount.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${amount.startsWith("-") ? MINUS : ""}${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** With its sign; nothing gained and nothing lost has none. */
export function formatGain(amount: string | null): string {
  return amount !== null && directionOf(amount) === "up" ? `+${formatDecimal(amount)}` : formatDecimal(amount);
}

export function directionOf(amount: string | null): "up" | "down" | "flat" {
  if (amount === null || !/[1-9]/.test(amount)) return "flat";
  return amount.startsWith("-") ? "down" : "up";
}
