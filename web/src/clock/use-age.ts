import { useDesk } from "../desk/desk-context";
import { useNowMs } from "./ticker";

/**
 * Milliseconds since the platform received a price, by the server's clock. Counted from there and not from the
 * exchange's time: a replayed day is years old, but its prices still either flow or do not.
 */
export function useAge(receivedUs: number | null): number | null {
  const nowMs = useNowMs();
  const { market } = useDesk();
  return receivedUs === null ? null : Math.max(0, nowMs + market.clockOffsetMs() - receivedUs / 1000);
}
