import type { Candle, IndicatorValues } from "../stream/messages";

/** Enough candles before the first wanted for the averages to have forgotten where they began, to some 1e-13. */
const WARM_UP = 800;

/**
 * The indicators of every candle: the server's as long as all candles up to there are as it saw them, and from the
 * first one that is not, our own by the same definitions.
 */
export function indicatorsOf(candles: readonly Candle[]): readonly (IndicatorValues | undefined)[] {
  const given = candles.map(({ indicators }) => indicators);
  const from = given.indexOf(undefined);
  if (from === -1) return given;
  const first = Math.max(0, from - WARM_UP);
  const lines = computed(candles.slice(first).map(({ close }) => close));
  return given.map((values, index) => (index < from ? values : lines.map((line) => line[index - first] ?? null)));
}

type Line = readonly (number | null)[];

/** The lines of `indicators.ts`, in its order. */
function computed(closes: readonly number[]): readonly Line[] {
  const mean = means(closes, 20);
  const away = deviations(closes, 20).map((deviation) => 2 * deviation);
  const bands = [
    mean.map((value, index) => sumOf(value, away[index])),
    mean,
    mean.map((value, index) => sumOf(value, -(away[index] ?? 0))),
  ];
  return [mean, average(closes, 50, 49), ...bands, strength(closes, 14), ...convergence(closes, 12, 26, 9)];
}

function sumOf(value: number | null, other = 0): number | null {
  return value === null ? null : value + other;
}

function means(numbers: readonly number[], length: number): Line {
  return numbers.map((_, index) => (index < length - 1 ? null : meanOf(numbers, index - length + 1, length)));
}

/** Of the population, as Bollinger's are. */
function deviations(numbers: readonly number[], length: number): readonly number[] {
  return numbers.map((_, index) => {
    const start = index - length + 1;
    if (start < 0) return 0;
    const mean = meanOf(numbers, start, length);
    let squares = 0;
    for (let at = start; at <= index; at += 1) squares += ((numbers[at] ?? 0) - mean) ** 2;
    return Math.sqrt(squares / length);
  });
}

function meanOf(numbers: readonly number[], start: number, length: number): number {
  let sum = 0;
  for (let index = start; index < start + length; index += 1) sum += numbers[index] ?? 0;
  return sum / length;
}

/** An exponential average; it begins at `start` as the mean of the `length` numbers that end there. */
function average(numbers: readonly number[], length: number, start: number): Line {
  const share = 2 / (length + 1);
  let held: number | null = null;
  return numbers.map((value, index) => {
    if (index < start) return null;
    held = held === null ? meanOf(numbers, start - length + 1, length) : held + share * (value - held);
    return held;
  });
}

/** Wilder's relative strength: 0 where nothing moved at all. */
function strength(closes: readonly number[], length: number): Line {
  let gains = 0;
  let losses = 0;
  return closes.map((close, index) => {
    const change = close - (closes[index - 1] ?? close);
    // The first averages are plain means; each later change weighs one part in `length`.
    const share = index <= length ? 1 : (length - 1) / length;
    gains = gains * share + Math.max(0, change) / length;
    losses = losses * share + Math.max(0, -change) / length;
    if (index < length) return null;
    return gains + losses === 0 ? 0 : (100 * gains) / (gains + losses);
  });
}

/** The difference of a fast and a slow average, its own average, and how far it is from that; all begin together. */
function convergence(closes: readonly number[], fast: number, slow: number, signal: number): readonly Line[] {
  const fastLine = average(closes, fast, slow - 1);
  const slowLine = average(closes, slow, slow - 1);
  const differences = closes.slice(slow - 1).map((_, index) => difference(fastLine, slowLine, index + slow - 1));
  const blanks = closes.slice(0, slow - 1).map(() => null);
  const signals = [...blanks, ...average(differences, signal, signal - 1)];
  const macd = closes.map((_, index) => (signals[index] === null ? null : difference(fastLine, slowLine, index)));
  const histogram = macd.map((value, index) => (value === null ? null : value - (signals[index] ?? 0)));
  return [macd, signals, histogram];
}

function difference(fast: Line, slow: Line, index: number): number {
  return (fast[index] ?? 0) - (slow[index] ?? 0);
}
