import { memo, useCallback, useEffect, useRef, useState } from "react";
import { code } from "../asking/code";
import { useAsked } from "../asking/use-asked";
import { useScheme } from "../chart/use-chart";
import { useDesk } from "../desk/desk-context";
import { formatPercent } from "../format/numbers";
import type { Day } from "./performance";

/** There is a new close once a day. */
const ASK_EVERY_MS = 5 * 60_000;

interface PerformancePanelProps {
  portfolio: string;
  revision: number;
}

/** What a portfolio was worth at each close. */
export const PerformancePanel = memo(function PerformancePanel({ portfolio, revision }: PerformancePanelProps) {
  const { portfolios } = useDesk();
  const scheme = useScheme();
  const ask = useCallback((signal: AbortSignal) => portfolios.performance(portfolio, signal), [portfolios, portfolio]);
  const { answer, problem } = useAsked(ask, ASK_EVERY_MS, revision);
  const days = answer?.days ?? [];
  return (
    <section className="portfolio-part performance" aria-label="Performance" data-testid="performance" data-days={days.length}>
      <h2>
        Performance{" "}
        {answer !== null && answer.timeWeightedPercent !== null && (
          <small>{formatPercent(answer.timeWeightedPercent)}, time-weighted</small>
        )}
      </h2>
      {problem !== null && <p className="portfolio-problem">{problem.message}</p>}
      {answer !== null && days.length === 0 && (
        <p className="portfolio-hint">The line begins with the first close of the market.</p>
      )}
      {days.length > 0 && <Line key={scheme} days={days} />}
    </section>
  );
});

/** Give it a `key` of the page's colours: a chart has one of each. */
function Line({ days }: { days: readonly Day[] }) {
  const element = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<{ show: (days: readonly Day[]) => void } | null>(null);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    let close: (() => void) | null = null;
    const open = async () => {
      const { PerformanceView } = await code(() => import("./performance-view"), signal);
      if (signal.aborted || element.current === null) return;
      const opened = new PerformanceView(element.current);
      close = () => opened.destroy();
      setView(opened);
    };
    open().catch(() => signal.aborted || setBroken(true));
    return () => {
      leaving.abort();
      close?.();
    };
  }, []);
  useEffect(() => view?.show(days), [view, days]);
  const last = days.at(-1);
  if (isBroken) return <p className="portfolio-problem">The line cannot be loaded: reload the page.</p>;
  return (
    <div
      ref={element}
      className="performance-line"
      role="img"
      aria-label={`Value at ${days.length} closes, ${last?.totalValue} at that of ${last?.day}`}
    />
  );
}
