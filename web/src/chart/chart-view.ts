/** The only file that runs the charting library. It is loaded when the first chart is shown. */

import {
  CandlestickSeries,
  type DeepPartial,
  HistogramSeries,
  type IChartApiBase,
  type IPriceLine,
  type ISeriesApi,
  LineSeries,
  LineStyle,
  type SeriesDataItemTypeMap,
  type SeriesType,
  TickMarkType,
  type Time,
  type TimeChartOptions,
  type UTCTimestamp,
  createChartEx,
  defaultHorzScaleBehavior,
} from "lightweight-charts";
import { formatPrice } from "../format/numbers";
import type { Interval } from "../stream/messages";
import { type Colours, readColours } from "./colours";
import { type Indicator, PLANS } from "./indicators";
import {
  type Drawing,
  NO_DRAWING,
  candlePoint,
  changeBetween,
  linePoint,
  volumePoint,
} from "./series-data";
import { type Mark, isDated, timeWords } from "./time-axis";

export interface ChartEvents {
  /** The price under the pointer, and how far down the chart that is; null where there is none. */
  readonly onPrice: (price: number | null, top: number) => void;
  /** Few candles are left beyond the left edge. */
  readonly onNearStart: () => void;
  /** The start of the candle under the pointer; null where there is none. */
  readonly onPoint: (startS: number | null) => void;
  /** The start of the first candle in sight, whenever that is another. */
  readonly onSeen: (startS: number | null) => void;
}

/** What the library holds, for whoever checks it. */
export interface Drawn {
  readonly bars: number;
  readonly last: { readonly t: number; readonly o: number; readonly h: number; readonly l: number; readonly c: number };
  readonly volume: number;
}

/** So many candles beyond the left edge are had before they are looked at. */
const NEAR_START = 50;

/** More than a screen of them. */
const MANY = 400;

/** One chart: candles of one length, their volume, and the indicators that are switched on. */
export class ChartView {
  private readonly chart: IChartApiBase<Time>;
  private readonly colours: Colours;
  private readonly candles: Part<"Candlestick">;
  private readonly volume: Part<"Histogram">;
  private readonly indicators = new Map<Indicator, readonly Part<"Line" | "Histogram">[]>();
  private drawing: Drawing = NO_DRAWING;
  private marks: readonly IPriceLine[] = [];

  constructor(
    element: HTMLElement,
    interval: Interval,
    private readonly events: ChartEvents,
  ) {
    this.colours = readColours(element);
    this.chart = emptyChart(element, interval, this.colours);
    this.candles = this.candlePart();
    this.volume = this.volumePart();
    this.chart.subscribeCrosshairMove(({ time, point, paneIndex }) => {
      events.onPoint(time === undefined ? null : Number(time));
      const top = point !== undefined && paneIndex === 0 ? point.y : null;
      events.onPrice(top === null ? null : this.candles.series.coordinateToPrice(top), top ?? 0);
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.moved());
  }

  /** Draw this from now on, touching only what is another. */
  show(drawing: Drawing): void {
    const change = changeBetween(this.drawing.candles, drawing.candles);
    const drawnUntilS = this.drawing.candles.at(-1)?.startS ?? 0;
    if (this.drawing.candles.length === 0) this.candles.series.applyOptions({ priceFormat: priceFormat(drawing) });
    this.drawing = drawing;
    if (change.type === "replace") this.replace();
    else for (let index = change.from; index < drawing.candles.length; index += 1) this.update(index, drawnUntilS);
    // Nobody scrolls out into the void; but a few candles alone stand at the right, where the next ones come. Not before
    // they are drawn: the few of before would be moved to the left edge, and all that follow out of sight.
    this.chart.timeScale().applyOptions({ fixLeftEdge: drawing.candles.length >= MANY });
  }

  /** Have exactly these indicators. */
  choose(chosen: readonly Indicator[]): void {
    for (const [name, parts] of this.indicators) {
      if (chosen.includes(name)) continue;
      for (const { series } of parts) this.chart.removeSeries(series);
      this.indicators.delete(name);
    }
    for (const name of chosen.filter((each) => !this.indicators.has(each))) {
      const parts = this.indicatorParts(name);
      this.indicators.set(name, parts);
      for (const part of parts) part.replace(this.drawing.candles.length);
    }
    // The prices keep the most room, whatever comes below them.
    this.chart.panes().forEach((pane, index) => pane.setStretchFactor(index === 0 ? 3 : 1));
  }

  /** Draw lines at these prices, and no others. */
  mark(prices: readonly number[]): void {
    const { series } = this.candles;
    for (const line of this.marks) series.removePriceLine(line);
    const options = { ...LEVEL, color: this.colours.alert, axisLabelVisible: true, title: "alert" };
    this.marks = prices.map((price) => series.createPriceLine({ ...options, price }));
  }

  drawn(): Drawn | null {
    const candles = this.candles.series.data();
    const last = candles.at(-1);
    const volume = this.volume.series.data().at(-1);
    if (last === undefined || !("open" in last) || volume === undefined || !("value" in volume)) return null;
    const { time, open: o, high: h, low: l, close: c } = last;
    return { bars: candles.length, last: { t: Number(time), o, h, l, c }, volume: volume.value };
  }

  destroy(): void {
    this.chart.remove();
  }

  /** Draw all anew. What is in sight stays where it is: the library counts its place from the last candle. */
  private replace(): void {
    for (const part of this.parts()) part.replace(this.drawing.candles.length);
  }

  private update(index: number, drawnUntilS: number): void {
    const isPast = (this.drawing.candles[index]?.startS ?? 0) < drawnUntilS;
    for (const part of this.parts()) part.update(index, isPast);
  }

  private parts(): Part<SeriesType>[] {
    return [this.candles, this.volume, ...[...this.indicators.values()].flat()] as Part<SeriesType>[];
  }

  private moved(): void {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const left = this.chart.timeScale().getVisibleRange()?.from;
    this.events.onSeen(left === undefined ? null : Number(left));
    const before = range === null ? null : this.candles.series.barsInLogicalRange(range)?.barsBefore;
    if (typeof before === "number" && before < NEAR_START) this.events.onNearStart();
  }

  private candlePart() {
    const { up, down } = this.colours;
    const series = this.chart.addSeries(CandlestickSeries, {
      upColor: up,
      borderUpColor: up,
      wickUpColor: up,
      downColor: down,
      borderDownColor: down,
      wickDownColor: down,
      priceLineStyle: LineStyle.Dotted,
    });
    return partOf(series, (index) => candlePoint(this.drawing, index, this.colours));
  }

  private volumePart() {
    const series = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    series.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    return partOf(series, (index) => volumePoint(this.drawing, index, this.colours));
  }

  private indicatorParts(name: Indicator): readonly Part<"Line" | "Histogram">[] {
    const { columns, at, apart } = PLANS[name];
    const pane = apart ? this.chart.panes().length : 0;
    return columns.map((column, offset) => {
      const line = at + offset;
      const color = this.colours.lines[line] ?? this.colours.text;
      const options = { color, priceLineVisible: false, lastValueVisible: apart && offset === 0 };
      const series =
        column === "histogram"
          ? this.chart.addSeries(HistogramSeries, options, pane)
          : this.chart.addSeries(LineSeries, { ...options, lineWidth: 1, crosshairMarkerVisible: false }, pane);
      for (const price of PLANS[name].levels) series.createPriceLine({ ...LEVEL, price, color: this.colours.line });
      return partOf<"Line" | "Histogram">(series, (index) => linePoint(this.drawing, index, line));
    });
  }
}

const LEVEL = { lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false } as const;

/** A series, and how its points are made of the drawing. */
interface Part<T extends SeriesType> {
  readonly series: ISeriesApi<T, Time>;
  readonly replace: (length: number) => void;
  readonly update: (index: number, isPast: boolean) => void;
}

function partOf<T extends SeriesType>(
  series: ISeriesApi<T, Time>,
  point: (index: number) => SeriesDataItemTypeMap<Time>[T],
): Part<T> {
  return {
    series,
    replace: (length) => series.setData(Array.from({ length }, (_, index) => point(index))),
    update: (index, isPast) => series.update(point(index), isPast),
  };
}

/** Four decimals below 1, as everywhere on the page. */
function priceFormat({ candles }: Drawing) {
  const isSmall = Math.abs(candles.at(-1)?.close ?? 1) < 1;
  return { type: "custom", formatter: formatPrice, minMove: isSmall ? 0.0001 : 0.01 } as const;
}

const MARKS: Readonly<Record<TickMarkType, Mark>> = {
  [TickMarkType.Year]: "year",
  [TickMarkType.Month]: "month",
  [TickMarkType.DayOfMonth]: "day",
  [TickMarkType.Time]: "time",
  [TickMarkType.TimeWithSeconds]: "time",
};

function emptyChart(element: HTMLElement, interval: Interval, colours: Colours): IChartApiBase<Time> {
  const { text, ground, grid, line, label, font } = colours;
  const words = timeWords(interval);
  const crosshair = { color: text, labelBackgroundColor: label };
  const options: DeepPartial<TimeChartOptions> = {
    autoSize: true,
    layout: {
      background: { color: ground },
      textColor: text,
      fontFamily: font,
      fontSize: 11,
      panes: { separatorColor: line, separatorHoverColor: grid },
    },
    grid: { vertLines: { color: grid }, horzLines: { color: grid } },
    crosshair: { vertLine: crosshair, horzLine: crosshair },
    localization: { timeFormatter: (time: Time) => words.full(Number(time)) },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.16, bottom: 0.22 }, minimumWidth: 60 },
    timeScale: {
      borderVisible: false,
      timeVisible: !isDated(interval),
      secondsVisible: false,
      rightOffset: 3,
      minBarSpacing: 1,
      tickMarkFormatter: (time: Time, type: TickMarkType) => words.mark(Number(time), MARKS[type]),
    },
  };
  return createChartEx<Time, LocalDays>(element, new LocalDays(words.offsetS), options);
}

/** A time axis whose days begin where the viewer's do: the library's own begin at midnight UTC. */
class LocalDays extends defaultHorzScaleBehavior() {
  constructor(private readonly offsetS: (startS: number) => number) {
    super();
  }

  override fillWeightsForPoints(...[points, start]: Parameters<InstanceType<Behaviour>["fillWeightsForPoints"]>): void {
    // The first point's weight hangs on the one before it.
    const from = Math.max(0, start - 1);
    const local = points
      .slice(from)
      .map((point) => Object.assign({}, point, { time: this.shifted(Number(this.key(point.time))) }));
    super.fillWeightsForPoints(local, start - from);
    local.forEach(({ timeWeight }, index) => {
      const point = points[from + index];
      if (point !== undefined && from + index >= start) point.timeWeight = timeWeight;
    });
  }

  private shifted(startS: number) {
    return this.convertHorzItemToInternal((startS + this.offsetS(startS)) as UTCTimestamp);
  }
}

type Behaviour = ReturnType<typeof defaultHorzScaleBehavior>;
