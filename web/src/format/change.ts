export type Direction = "up" | "down" | "flat";

export interface Change {
  absolute: number | null;
  percent: number | null;
  direction: Direction;
}

/** The day's change against the previous close. */
export function dayChange(last: number | null, previousClose: number | null): Change {
  if (last === null || previousClose === null) return { absolute: null, percent: null, direction: "flat" };
  const absolute = last - previousClose;
  const percent = previousClose === 0 ? null : (absolute / previousClose) * 100;
  return { absolute, percent, direction: absolute > 0 ? "up" : absolute < 0 ? "down" : "flat" };
}

/** Where a value lies between two others, 0 to 1; null where that says nothing. */
export function positionBetween(value: number | null, low: number | null, high: number | null): number | null {
  if (value === null || low === null || high === null || high <= low) return null;
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}
