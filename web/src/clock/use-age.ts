import { useDesk } from "../desk/desk-context";
import { timestampMs } from "../format/times";
import { useNowMs } from "./ticker";

/**
 * Milliseconds since the platform received a price, by the server's clock. Counted from `ts_recv` and not from the
 * exchange's time: a replayed day is years old, but its prices still either flow or do not.
 */
export function useAge(received: string | null): number | null {
  const nowMs = useNowMs();
  const { market } = useDesk();
  const receivedMs = timestampMs(received);
  return receivedMs === null ? null : Math.max(0, nowMs + market.clockOffsetMs() - receivedMs);
}
