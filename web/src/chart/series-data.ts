import type { UTCTimestamp } from "lightweight-charts";
import type { Candle, IndicatorValues } from "../stream/messages";
import type { Colours } from "./colours";
import { indicatorsOf } from "./live-indicators";

/** What is drawn: candles and, of each, its indicators. */
export interface Drawing {
  readonly candles: readonly Candle[];
  readonly values: readonly (IndicatorValues | undefined)[];
}

export const NO_DRAWING: Drawing = { candles: [], values: [] };

export function drawingOf(candles: readonly Candle[]): Drawing {
  return { candles, values: indicatorsOf(candles) };
}

/** How to come from one drawing to the next. */
export type Change =
  /** All of it. */
  | { readonly type: "replace" }
  /** The candles from an index on; nothing before it is another than it was. */
  | { readonly type: "update"; readonly from: number };

/** Redrawing a candle costs a multiple of what it costs in a whole, so many of them are one. */
const MOST_UPDATES = 50;

/** Indicators look back only, so they change with the first candle that does, and not before it. */
export function changeBetween(before: readonly Candle[], after: readonly Candle[]): Change {
  let from = 0;
  while (from < before.length && before[from] === after[from]) from += 1;
  const stays = before.slice(from).every(({ startS }, index) => startS === after[from + index]?.startS);
  if (from > 0 && stays && after.length - from <= MOST_UPDATES) return { type: "update", from };
  return { type: "replace" };
}

/** A point of a line; one without a value leaves a gap. */
export function linePoint({ candles, values }: Drawing, index: number, line: number) {
  const time = timeOf(candleAt(candles, index).startS);
  const value = values[index]?.[line] ?? null;
  return value === null ? { time } : { time, value };
}

/** Outside the regular session candles are pale: fewer trade there. */
export function candlePoint({ candles }: Drawing, index: number, colours: Colours) {
  const { startS, open, high, low, close, extended } = candleAt(candles, index);
  const point = { time: timeOf(startS), open, high, low, close };
  if (!extended) return point;
  const color = close >= open ? colours.upFaint : colours.downFaint;
  return { ...point, color, borderColor: color, wickColor: color };
}

export function volumePoint({ candles }: Drawing, index: number, colours: Colours) {
  const { startS, open, close, volume } = candleAt(candles, index);
  return { time: timeOf(startS), value: volume, color: close >= open ? colours.upFaint : colours.downFaint };
}

function candleAt(candles: readonly Candle[], index: number): Candle {
  const candle = candles[index];
  if (candle === undefined) throw new RangeError(`There is no candle ${index} of ${candles.length}.`);
  return candle;
}

function timeOf(startS: number): UTCTimestamp {
  return startS as UTCTimestamp;
}

/** The index of the candle that begins at `startS`; -1 where none does. */
export function indexOfStart(candles: readonly Candle[], startS: number): number {
  let low = 0;
  let high = candles.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((candles[middle]?.startS ?? Infinity) < startS) low = middle + 1;
    else high = middle;
  }
  return candles[low]?.startS === startS ? low : -1;
}
