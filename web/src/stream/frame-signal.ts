/** Nobody reads faster than this, and laying out and painting a table costs more than all our own work. */
const QUIET_MS = 66;

/**
 * Tells listeners of a key that its value changed, in an animation frame and at most some 15 times a second: the first
 * change after a quiet time with the next frame, a burst together. What is pending is a set of keys, so it is bounded by
 * the number of keys also while a hidden tab gets no frames.
 */
export class FrameSignal {
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly pending = new Set<string>();
  private scheduled = false;
  private flushedMs = -Infinity;

  /** `publish` runs at the start of a flush, before any listener. */
  constructor(private readonly publish: () => void) {}

  subscribe(key: string, listener: () => void): () => void {
    const group = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, group.add(listener));
    return () => {
      group.delete(listener);
      if (group.size === 0 && this.listeners.get(key) === group) this.listeners.delete(key);
    };
  }

  mark(keys: readonly string[]): void {
    for (const key of keys) this.pending.add(key);
    if (this.pending.size === 0 || this.scheduled) return;
    this.scheduled = true;
    const waitMs = this.flushedMs + QUIET_MS - performance.now();
    if (waitMs > 0) setTimeout(() => this.flushInFrame(), waitMs);
    else this.flushInFrame();
  }

  private flushInFrame(): void {
    requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    this.scheduled = false;
    this.flushedMs = performance.now();
    const keys = [...this.pending];
    this.pending.clear();
    this.publish();
    for (const key of keys) {
      for (const listener of this.listeners.get(key) ?? []) listener();
    }
  }
}
