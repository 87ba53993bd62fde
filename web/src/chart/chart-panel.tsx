import { memo, useEffect, useMemo, useRef, useState } from "react";
import { useDesk } from "../desk/desk-context";
import { useSilence } from "../detail/use-silence";
import { splitSymbol } from "../format/symbols";
import { useConnection } from "../stream/hooks";
import { INTERVALS, type Interval } from "../stream/messages";
import { AlertButton, type Making, PriceAlertButton, useAlertPrices, useMaking, usePricePointer } from "./chart-alerts";
import { chartWords } from "./chart-words";
import type { Drawn } from "./chart-view";
import { INDICATORS, type Indicator, PLANS } from "./indicators";
import { legendOf } from "./legend";
import { LegendLine } from "./legend-line";
import { drawingOf, indexOfStart } from "./series-data";
import { useCandles, useChartChoice, useChartView, useScheme } from "./use-chart";

const INTERVAL_WORDS: Readonly<Record<Interval, string>> = {
  "1m": "1 minute",
  "5m": "5 minutes",
  "15m": "15 minutes",
  "1h": "1 hour",
  "1d": "1 day",
  "1w": "1 week",
  "1M": "1 month",
};

/** The selected instrument's candles, and what is drawn over and under them. */
export const ChartPanel = memo(function ChartPanel({ symbol }: { symbol: string }) {
  const { interval, indicators } = useChartChoice();
  const scheme = useScheme();
  const making = useMaking(symbol);
  return (
    <section className="chart" aria-label="Chart">
      <div className="chart-bar">
        <IntervalButtons chosen={interval} />
        <IndicatorButtons chosen={indicators} />
        <AlertButton making={making} />
      </div>
      <Chart
        key={`${interval} ${scheme}`}
        symbol={symbol}
        interval={interval}
        indicators={indicators}
        makeAlert={making.make}
      />
    </section>
  );
});

function IntervalButtons({ chosen }: { chosen: Interval }) {
  const { chartChoice } = useDesk();
  return (
    <div role="group" aria-label="Length of a candle">
      {INTERVALS.map((interval) => (
        <button
          key={interval}
          type="button"
          data-interval={interval}
          aria-label={INTERVAL_WORDS[interval]}
          aria-pressed={interval === chosen}
          onClick={() => chartChoice.take(interval)}
        >
          {interval}
        </button>
      ))}
    </div>
  );
}

function IndicatorButtons({ chosen }: { chosen: readonly Indicator[] }) {
  const { chartChoice } = useDesk();
  return (
    <div role="group" aria-label="Indicators">
      {INDICATORS.map((name) => (
        <button
          key={name}
          type="button"
          data-indicator={name}
          title={PLANS[name].title}
          aria-pressed={chosen.includes(name)}
          onClick={() => chartChoice.toggle(name)}
        >
          {PLANS[name].short}
        </button>
      ))}
    </div>
  );
}

interface ChartProps {
  symbol: string;
  interval: Interval;
  indicators: readonly Indicator[];
  makeAlert: Making["make"];
}

/** Give it a `key` of its interval and the page's colours: a chart has one of each. */
function Chart({ symbol, interval, indicators, makeAlert }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [pointedS, setPointed] = useState<number | null>(null);
  const { state, loadOlder } = useCandles(symbol, interval);
  const pointer = usePricePointer();
  const [events] = useState(() => ({
    onPrice: pointer.point,
    onNearStart: loadOlder,
    onPoint: setPointed,
    onSeen: (startS: number | null) => tell(frame.current, { leftT: startS }),
  }));
  const { element, view, isBroken } = useChartView(interval, events);
  const { label } = useConnection();
  const silence = useSilence(`candles:${interval}`, symbol);
  const drawing = useMemo(() => drawingOf(state.candles), [state.candles]);
  const alertPrices = useAlertPrices(symbol);
  useEffect(() => view?.choose(indicators), [view, indicators]);
  useEffect(() => view?.mark(alertPrices), [view, alertPrices]);
  useEffect(() => {
    view?.show(drawing);
    tellDrawn(frame.current, view?.drawn() ?? null);
  }, [view, drawing]);

  const { candles } = drawing;
  const pointed = pointedS === null ? -1 : indexOfStart(candles, pointedS);
  const legend = legendOf(drawing, pointed === -1 ? candles.length - 1 : pointed, indicators);
  const words = isBroken ? "The chart cannot be loaded: reload the page." : chartWords(state, label, silence);
  return (
    <div
      ref={frame}
      className="chart-frame"
      data-testid="chart"
      data-symbol={symbol}
      data-interval={interval}
      data-alerts={alertPrices.length}
      data-panes={indicators.filter((name) => PLANS[name].apart).length}
    >
      <div
        ref={element}
        className="chart-canvas"
        role="img"
        aria-label={`${INTERVAL_WORDS[interval]} candles of ${splitSymbol(symbol).ticker}`}
      />
      <PriceAlertButton pointer={pointer} make={makeAlert} />
      <div className="chart-over">
        <LegendLine legend={legend} interval={interval} />
        <p className="chart-words" role="status" data-testid="chart-words">
          {words}
        </p>
      </div>
    </div>
  );
}

/** What is drawn, where tests and other programs can read it. */
function tellDrawn(frame: HTMLElement | null, drawn: Drawn | null): void {
  const { t = null, o = null, h = null, l = null, c = null } = drawn?.last ?? {};
  tell(frame, { bars: drawn?.bars ?? 0, lastT: t, lastO: o, lastH: h, lastL: l, lastC: c, lastV: drawn?.volume ?? null });
}

function tell(frame: HTMLElement | null, figures: Readonly<Record<string, number | null>>): void {
  for (const [name, value] of Object.entries(figures)) if (frame !== null) frame.dataset[name] = String(value ?? "");
}
