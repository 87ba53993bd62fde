import { useSyncExternalStore } from "react";

const STEP_MS = 1000;

/** One clock for all ages and countdowns on the page; it only runs while somebody looks. */
class TickerClock {
  private held = Date.now();
  private readonly listeners = new Set<() => void>();
  private interval: ReturnType<typeof setInterval> | undefined;

  readonly nowMs = (): number => this.held;

  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.listeners.size === 0) {
      this.held = Date.now();
      this.interval = setInterval(() => this.tick(), STEP_MS);
    }
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) clearInterval(this.interval);
    };
  };

  private tick(): void {
    this.held = Date.now();
    for (const listener of this.listeners) listener();
  }
}

const clock = new TickerClock();

/** This machine's time, renewed once a second. */
export function useNowMs(): number {
  return useSyncExternalStore(clock.subscribe, clock.nowMs);
}
