/** Shown wherever a value is unknown. */
export const UNKNOWN = "–";
export const MINUS = "\u2212";

type Maybe = number | null | undefined;

const cents = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const tenthsOfMils = new Intl.NumberFormat("en-US", { minimumFractionDigits: 4, maximumFractionDigits: 4 });
const exact = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function known(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** From here on a column has no room for cents; `formatExactPrice` still shows them. */
const WHOLE_PRICES_FROM = 100_000;
const WHOLE_CHANGES_FROM = 1_000;

/** A price in a column: cents from 1 upwards, four decimals below, as US exchanges quote. */
export function formatPrice(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const magnitude = Math.abs(value);
  const format = magnitude < 1 ? tenthsOfMils : magnitude < WHOLE_PRICES_FROM ? cents : whole;
  return format.format(value).replace("-", MINUS);
}

/** A price by itself: trades between the cents (a midpoint at 10.005) keep their digits. */
export function formatExactPrice(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  return Math.abs(value) < 1 ? formatPrice(value) : exact.format(value).replace("-", MINUS);
}

const level = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 8 });

/** A price that somebody chose: with all the digits that it has. */
export function formatLevel(value: Maybe): string {
  return known(value) ? level.format(value) : UNKNOWN;
}

/** The gap between two prices: 0.01, or 0.0025 where half-cents matter. */
export function formatSpread(value: Maybe): string {
  return known(value) ? exact.format(value) : UNKNOWN;
}

/** A difference of prices with its sign; `reference` decides the number of decimals. */
export function formatChange(value: Maybe, reference: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const fine = known(reference) && Math.abs(reference) < 1;
  const format = fine ? tenthsOfMils : Math.abs(value) < WHOLE_CHANGES_FROM ? cents : whole;
  return signed(value, format.format(Math.abs(value)));
}

export function formatPercent(value: Maybe): string {
  return known(value) ? signed(value, `${cents.format(Math.abs(value))}%`) : UNKNOWN;
}

/** Zero after rounding carries no sign: "+0.00" would look like a gain. */
function signed(value: number, digits: string): string {
  if (!/[1-9]/.test(digits)) return digits;
  return `${value < 0 ? MINUS : "+"}${digits}`;
}

const SCALES = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "K"],
] as const;

/** A day's volume in at most five characters: 950, 12.3K, 1.25M, 103M. */
export function formatVolume(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  // 999,950 rounds to "1000K": compare with what is shown, not with what is held.
  for (const [scale, letter] of SCALES) {
    if (value >= scale * 0.9995) return `${threeDigits(value / scale)}${letter}`;
  }
  return whole.format(value);
}

function threeDigits(value: number): string {
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}

/** A size at a price: whole shares up to 99,999, then scaled. */
export function formatSize(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  return value < 99_999.5 ? whole.format(value) : formatVolume(value);
}
