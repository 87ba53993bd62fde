/** A cell that ticks faster than this keeps its running flash instead of flickering. */
export const CALM_MS = 250;

export interface Flash {
  /** The number shown before. */
  readonly value: number | null;
  readonly direction: "up" | "down" | null;
  readonly startedMs: number;
  /** Alternates with every flash that starts, so that the same animation can start anew. */
  readonly beat: 0 | 1;
}

export function restingFlash(value: number | null): Flash {
  return { value, direction: null, startedMs: 0, beat: 0 };
}

/** What the flash becomes when the number does. Appearing and disappearing are not movements. */
export function nextFlash(before: Flash, value: number | null, nowMs: number): Flash {
  if (before.value === null || value === null || value === before.value) return { ...before, value };
  const direction = value > before.value ? "up" : "down";
  const stillShows = before.direction === direction && nowMs - before.startedMs < CALM_MS;
  if (stillShows) return { ...before, value };
  return { value, direction, startedMs: nowMs, beat: before.beat === 0 ? 1 : 0 };
}
