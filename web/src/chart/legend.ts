import { type Change, dayChange } from "../format/change";
import { formatChange, formatExactPrice, formatPercent, formatVolume } from "../format/numbers";
import { type Indicator, PLANS } from "./indicators";
import type { Drawing } from "./series-data";

/** What the legend says of one candle. */
export interface Legend {
  readonly startS: number;
  readonly extended: boolean;
  /** Against the candle before it. */
  readonly direction: Change["direction"];
  readonly figures: readonly (readonly [name: string, text: string])[];
  readonly indicators: readonly LegendLine[];
}

export interface LegendLine {
  readonly name: Indicator;
  readonly label: string;
  /** Each with its line, which has its colour. */
  readonly values: readonly { readonly line: number; readonly text: string }[];
}

/** Null where there is no such candle. */
export function legendOf({ candles, values }: Drawing, index: number, chosen: readonly Indicator[]): Legend | null {
  const candle = candles[index];
  if (candle === undefined) return null;
  const { open, high, low, close, volume, startS, extended } = candle;
  const { absolute, percent, direction } = dayChange(close, candles[index - 1]?.close ?? open);
  return {
    startS,
    extended,
    direction,
    figures: [
      ["O", formatExactPrice(open)],
      ["H", formatExactPrice(high)],
      ["L", formatExactPrice(low)],
      ["C", formatExactPrice(close)],
      ["", `${formatChange(absolute, close)} (${formatPercent(percent)})`],
      ["Vol", formatVolume(volume)],
    ],
    indicators: chosen.map((name) => {
      const { label, columns, at } = PLANS[name];
      const texts = columns.map((_, offset) => ({ line: at + offset, text: formatPlain(values[index]?.[at + offset]) }));
      return { name, label, values: texts };
    }),
  };
}

function formatPlain(value: number | null | undefined): string {
  return formatExactPrice(value === null || value === undefined ? null : Math.round(value * 1e4) / 1e4);
}
