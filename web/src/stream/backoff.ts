const BASE_MS = 500;
const CAP_MS = 30_000;
/** Below this the countdown would only flicker. */
const FLOOR_MS = 200;

/**
 * Exponential backoff with full jitter: anywhere between nothing and the ceiling, so that clients thrown off together
 * do not come back together. `attempt` counts from 1, `random` lies in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** Math.max(0, attempt - 1));
  return Math.max(FLOOR_MS, Math.round(ceiling * random));
}
