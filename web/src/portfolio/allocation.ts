import { minorUnits } from "./money";
import type { Holding } from "./valuation";

export interface Part {
  readonly key: string;
  /** Of all holdings; cash is none. Null where these are worth nothing. */
  readonly percent: number | null;
}

/** What a row counts as in the totals: its cost, where it has no price. */
export function countedValue({ marketValue, cost }: Holding): bigint {
  return minorUnits(marketValue ?? cost);
}

/** Divide what the holdings are worth by a key, the largest part first. */
export function allocation(holdings: readonly Holding[], keyOf: (holding: Holding) => string): Part[] {
  const parts = new Map<string, bigint>();
  for (const holding of holdings) {
    const key = keyOf(holding);
    parts.set(key, (parts.get(key) ?? 0n) + countedValue(holding));
  }
  const whole = wholeOf(holdings);
  return [...parts]
    .toSorted(([oneKey, one], [otherKey, other]) => (one === other ? (oneKey < otherKey ? -1 : 1) : one > other ? -1 : 1))
    .map(([key, value]) => ({ key, percent: percentOf(value, whole) }));
}

export function wholeOf(holdings: readonly Holding[]): bigint {
  return holdings.reduce((sum, holding) => sum + countedValue(holding), 0n);
}

/** To four decimals, as the server has it. */
export function percentOf(part: bigint, whole: bigint): number | null {
  return whole > 0n ? Number((part * 2_000_000n + whole) / (2n * whole)) / 10_000 : null;
}

const SHOWN = 10;

/** The largest parts, and the rest of them as one, so that a long portfolio has a short list. */
export function withOthers(parts: readonly Part[]): readonly Part[] {
  if (parts.length <= SHOWN) return parts;
  const rest = parts.slice(SHOWN - 1);
  const percent = rest.reduce((sum, part) => sum + (part.percent ?? 0), 0);
  return [...parts.slice(0, SHOWN - 1), { key: `${rest.length} others`, percent }];
}
