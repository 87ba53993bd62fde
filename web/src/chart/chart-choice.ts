import type { KeyValueStore } from "../account/saved-login";
import { INTERVALS, type Interval } from "../stream/messages";
import { INDICATORS, type Indicator } from "./indicators";

/** How a user wants charts. */
export interface Choice {
  readonly interval: Interval;
  readonly indicators: readonly Indicator[];
}

export const FIRST_CHOICE: Choice = { interval: "1m", indicators: [] };

/** Whatever is not understood counts as not chosen: another version of the page may have saved it. */
export function parseChoice(text: string | null): Choice {
  try {
    const { interval, indicators } = JSON.parse(text ?? "{}") as Record<string, unknown>;
    return {
      interval: INTERVALS.find((each) => each === interval) ?? FIRST_CHOICE.interval,
      indicators: Array.isArray(indicators) ? INDICATORS.filter((each) => indicators.includes(each)) : [],
    };
  } catch {
    return FIRST_CHOICE;
  }
}

/** One user's choice, for all instruments, saved on this device with every change. */
export class ChartChoice {
  private current: Choice;
  private readonly key: string;
  private readonly listeners = new Set<() => void>();

  constructor(
    email: string,
    private readonly store: KeyValueStore,
  ) {
    this.key = `tickmesh.chart.${email.toLowerCase()}`;
    this.current = parseChoice(store.getItem(this.key));
  }

  readonly state = (): Choice => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  take(interval: Interval): void {
    this.become({ ...this.current, interval });
  }

  toggle(indicator: Indicator): void {
    const { indicators } = this.current;
    const chosen = (name: Indicator) => indicators.includes(name) !== (name === indicator);
    this.become({ ...this.current, indicators: INDICATORS.filter(chosen) });
  }

  private become(choice: Choice): void {
    this.current = choice;
    this.store.setItem(this.key, JSON.stringify(choice));
    for (const listener of this.listeners) listener();
  }
}
