/** The one file of portfolios that runs the charting library; loaded when the first line is shown. */

import { AreaSeries, ColorType, type IChartApi, type ISeriesApi, createChart } from "lightweight-charts";
import { readColours } from "../chart/colours";
import { formatPrice } from "../format/numbers";
import type { Day } from "./performance";

/** A line of daily values. */
export class PerformanceView {
  private readonly chart: IChartApi;
  private readonly line: ISeriesApi<"Area">;

  constructor(element: HTMLElement) {
    const { text, ground, grid, font, label } = readColours(element);
    const accent = getComputedStyle(element).getPropertyValue("--focus").trim();
    this.chart = createChart(element, {
      autoSize: true,
      layout: { background: { type: ColorType.Solid, color: ground }, textColor: text, fontFamily: font, fontSize: 11 },
      grid: { vertLines: { visible: false }, horzLines: { color: grid } },
      crosshair: { vertLine: { labelBackgroundColor: label }, horzLine: { labelBackgroundColor: label } },
      rightPriceScale: { borderVisible: false },
      timeScale: { borderVisible: false, fixLeftEdge: true, fixRightEdge: true },
    });
    this.line = this.chart.addSeries(AreaSeries, {
      lineColor: accent,
      lineWidth: 2,
      topColor: `${accent}33`,
      bottomColor: `${accent}00`,
      priceFormat: { type: "custom", formatter: formatPrice, minMove: 0.01 },
    });
  }

  show(days: readonly Day[]): void {
    this.line.setData(days.map(({ day, totalValue }) => ({ time: day, value: Number(totalValue) })));
    this.chart.timeScale().fitContent();
  }

  destroy(): void {
    this.chart.remove();
  }
}
