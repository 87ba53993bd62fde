/** The indicators that the page can draw: how the server calls them, and their lines in the order of `IndicatorValues`. */

export const INDICATORS = ["sma", "ema", "bbands", "rsi", "macd"] as const;
export type Indicator = (typeof INDICATORS)[number];

export interface IndicatorPlan {
  /** On its button. */
  readonly short: string;
  /** In the legend. */
  readonly label: string;
  readonly title: string;
  /** In `GET /candles?indicators=`, and the answer's key. */
  readonly query: string;
  /** The answer's columns. */
  readonly columns: readonly string[];
  /** Where its first line stands in `IndicatorValues`; the others follow. */
  readonly at: number;
  /** It has a pane of its own below the prices. */
  readonly apart: boolean;
  /** Heights that mean something, marked by a line across. */
  readonly levels: readonly number[];
}

export const PLANS: Readonly<Record<Indicator, IndicatorPlan>> = {
  sma: {
    short: "SMA",
    label: "SMA 20",
    title: "Simple moving average of 20 closes",
    query: "sma:20",
    columns: ["value"],
    at: 0,
    apart: false,
    levels: [],
  },
  ema: {
    short: "EMA",
    label: "EMA 50",
    title: "Exponential moving average of 50 closes",
    query: "ema:50",
    columns: ["value"],
    at: 1,
    apart: false,
    levels: [],
  },
  bbands: {
    short: "Bollinger",
    label: "BB 20, 2",
    title: "Bollinger bands: mean of 20 closes and two standard deviations around it",
    query: "bbands:20:2",
    columns: ["upper", "middle", "lower"],
    at: 2,
    apart: false,
    levels: [],
  },
  rsi: {
    short: "RSI",
    label: "RSI 14",
    title: "Relative strength index of 14 closes, after Wilder",
    query: "rsi:14",
    columns: ["value"],
    at: 5,
    apart: true,
    levels: [30, 70],
  },
  macd: {
    short: "MACD",
    label: "MACD 12, 26, 9",
    title: "Difference of the exponential averages of 12 and 26 closes, and its average of 9",
    query: "macd:12:26:9",
    columns: ["macd", "signal", "histogram"],
    at: 6,
    apart: true,
    levels: [],
  },
};

export const INDICATOR_QUERY = INDICATORS.map((name) => PLANS[name].query).join(",");

/** How many values a candle has in all. */
export const LINES = INDICATORS.reduce((sum, name) => sum + PLANS[name].columns.length, 0);
