import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { AlertDialog } from "../alerts/alert-dialog";
import { levelsOf } from "../alerts/distance";
import { Icon } from "../alerts/icon";
import { type Values, plainPrice, valuesAt } from "../alerts/rule-form";
import { useAlerts } from "../alerts/use-alerts";
import { useDesk } from "../desk/desk-context";

const TOLD_MS = 5_000;

/** The alert in the making on the instrument of a chart, and what became of the last one. */
export interface Making {
  readonly start: Values | null;
  /** Begin one at a price, or at none yet. */
  readonly make: (price: number | null) => void;
  readonly close: () => void;
  readonly tell: (words: string) => void;
  /** For a moment: the one that was made. */
  readonly told: string | null;
}

export function useMaking(symbol: string): Making {
  const { market } = useDesk();
  const [start, setStart] = useState<Values | null>(null);
  const [told, tell] = useState<string | null>(null);
  useEffect(() => {
    if (told === null) return undefined;
    const timer = setTimeout(() => tell(null), TOLD_MS);
    return () => clearTimeout(timer);
  }, [told]);
  const make = (price: number | null) => {
    tell(null);
    setStart(valuesAt(symbol, price, market.quote(symbol)?.last ?? null));
  };
  return { start, make, close: () => setStart(null), tell, told };
}

/** Makes an alert on the instrument of the chart. */
export function AlertButton({ making: { start, make, close, tell, told } }: { making: Making }) {
  return (
    <div className="chart-new-alert">
      <span role="status">{told !== null && `Made: ${told.toLowerCase()}`}</span>
      <button type="button" data-action="chart-alert" onClick={() => make(null)}>
        <Icon name="bell" /> Alert
      </button>
      {start !== null && <AlertDialog start={start} edited={null} onTaken={tell} onClose={close} />}
    </div>
  );
}

/** What shows a price on the chart, as the pointer moves: outside React, which need not render for each of its steps. */
export interface PricePointer {
  readonly element: RefObject<HTMLButtonElement | null>;
  readonly point: (price: number | null, top: number) => void;
  readonly price: () => number | null;
}

export function usePricePointer(): PricePointer {
  const element = useRef<HTMLButtonElement>(null);
  const held = useRef<number | null>(null);
  const point = useCallback((price: number | null, top: number) => {
    // Where the pointer leaves the candles it may be on its way to the button, which stays; CSS hides it with the chart.
    if (price === null || price <= 0 || element.current === null) return;
    held.current = price;
    element.current.hidden = false;
    element.current.style.top = `${top}px`;
    element.current.title = `Alert at ${plainPrice(price)}`;
  }, []);
  return useMemo(() => ({ element, point, price: () => held.current }), [point]);
}

/** A bell beside the axis, as high as the pointer: for those who point. The button above is for everybody. */
export function PriceAlertButton({ pointer, make }: { pointer: PricePointer; make: Making["make"] }) {
  const { element, price } = pointer;
  return (
    <button
      ref={element}
      type="button"
      className="chart-price-alert"
      data-action="price-alert"
      aria-label="Alert at this price"
      tabIndex={-1}
      hidden
      onClick={() => make(price())}
    >
      <Icon name="bell" />
    </button>
  );
}

/** The prices at which alerts on an instrument would fire. */
export function useAlertPrices(symbol: string): readonly number[] {
  const { market } = useDesk();
  const filter = useMemo(() => ({ symbol }), [symbol]);
  const { answer } = useAlerts(filter);
  return useMemo(() => {
    const previousClose = market.quote(symbol)?.previousClose ?? null;
    const active = answer?.items.filter(({ state }) => state === "armed" || state === "waiting") ?? [];
    return [...new Set(active.flatMap((alert) => levelsOf(alert, previousClose).map(({ level }) => level)))];
  }, [market, symbol, answer]);
}
