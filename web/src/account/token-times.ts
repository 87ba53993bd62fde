/** A token this close to its end is not used for a new request. */
const SAFETY_MS = 15_000;
const EARLIEST_RENEWAL_MS = 5_000;
/** `setTimeout` overflows at 2^31 ms and would fire at once. */
const LATEST_RENEWAL_MS = 24 * 3600 * 1000;

/** Wait before a silent renewal is tried again after the server could not be reached. */
export const RETRY_RENEW_MS = 15_000;

export function isUsable(expiresAtMs: number, nowMs: number): boolean {
  return expiresAtMs - nowMs > SAFETY_MS;
}

/** When to renew silently: after 80 % of the token's life. */
export function renewDelayMs(expiresInS: number): number {
  return Math.min(LATEST_RENEWAL_MS, Math.max(EARLIEST_RENEWAL_MS, expiresInS * 800));
}
