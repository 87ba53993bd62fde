/**
 * One timer for a deadline that mostly moves later. It is re-armed only when the deadline comes nearer or the timer has
 * run, so pushing the deadline with every message costs nothing; it may therefore ring early: the listener looks at the
 * clock and sets the deadline anew.
 */
export class DeadlineTimer {
  private handle: ReturnType<typeof setTimeout> | undefined;
  private armedForMs = Infinity;

  constructor(private readonly ring: () => void) {}

  set(deadlineMs: number | null): void {
    if (deadlineMs === null) this.disarm();
    else if (deadlineMs < this.armedForMs) this.arm(deadlineMs);
  }

  private arm(deadlineMs: number): void {
    this.disarm();
    this.armedForMs = deadlineMs;
    this.handle = setTimeout(() => this.fire(), Math.max(0, deadlineMs - Date.now()));
  }

  private fire(): void {
    this.armedForMs = Infinity;
    this.ring();
  }

  private disarm(): void {
    clearTimeout(this.handle);
    this.armedForMs = Infinity;
  }
}
