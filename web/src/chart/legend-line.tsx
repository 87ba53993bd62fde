import { useMemo } from "react";
import type { Interval } from "../stream/messages";
import type { Legend } from "./legend";
import { timeWords } from "./time-axis";

interface LegendLineProps {
  legend: Legend | null;
  interval: Interval;
}

/** The candle under the pointer in figures, or the last one. */
export function LegendLine({ legend, interval }: LegendLineProps) {
  const words = useMemo(() => timeWords(interval), [interval]);
  if (legend === null) return null;
  return (
    <div className="chart-legend" data-testid="chart-legend" data-t={legend.startS}>
      <p>
        <span className="chart-legend-time">
          {words.full(legend.startS)}
          {legend.extended && " · extended hours"}
        </span>
        {legend.figures.map(([name, text]) => (
          <span key={name}>
            {name} <b data-direction={legend.direction}>{text}</b>
          </span>
        ))}
      </p>
      {legend.indicators.length > 0 && (
        <p>
          {legend.indicators.map(({ name, label, values }) => (
            <span key={name}>
              {label}
              {values.map(({ line, text }) => (
                <b key={line} style={{ color: `var(--line-${line})` }}>
                  {text}
                </b>
              ))}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}
