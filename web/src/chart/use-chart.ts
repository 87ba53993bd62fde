import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { code } from "../asking/code";
import { useDesk } from "../desk/desk-context";
import type { Interval } from "../stream/messages";
import type { Choice } from "./chart-choice";
import { CandleFeed, type FeedState, LOADING } from "./candle-feed";
import type { ChartEvents, ChartView } from "./chart-view";

export function useChartChoice(): Choice {
  const { chartChoice } = useDesk();
  return useSyncExternalStore(chartChoice.subscribe, chartChoice.state);
}

/** One instrument's candles as they are now, and how to have older ones. */
export function useCandles(symbol: string, interval: Interval): { state: FeedState; loadOlder: () => void } {
  const { api, market } = useDesk();
  const [state, setState] = useState(LOADING);
  const feed = useRef<CandleFeed>(null);
  useEffect(() => {
    const opened = new CandleFeed(api, market, symbol, interval);
    feed.current = opened;
    const closers = [opened.subscribe(() => setState(opened.state())), opened.start()];
    return () => closers.forEach((close) => close());
  }, [api, market, symbol, interval]);
  const [loadOlder] = useState(() => () => feed.current?.loadOlder());
  return { state, loadOlder };
}

/** The chart in an element, as soon as the library is there. */
export function useChartView(interval: Interval, events: ChartEvents) {
  const element = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<ChartView | null>(null);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    let opened: ChartView | null = null;
    const open = async () => {
      const library = await code(() => import("./chart-view"), signal);
      if (signal.aborted || element.current === null) return;
      opened = new library.ChartView(element.current, interval, events);
      setView(opened);
    };
    open().catch(() => signal.aborted || setBroken(true));
    return () => {
      leaving.abort();
      setView(null);
      opened?.destroy();
    };
  }, [interval, events]);
  return { element, view, isBroken };
}

const LIGHT = "(prefers-color-scheme: light)";

/** A chart takes its colours when it is made. */
export function useScheme(): "light" | "dark" {
  return useSyncExternalStore(onScheme, () => (window.matchMedia(LIGHT).matches ? "light" : "dark"));
}

function onScheme(listener: () => void): () => void {
  const query = window.matchMedia(LIGHT);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}
