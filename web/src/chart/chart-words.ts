import type { ConnectionLabel } from "../stream/connection-view";
import type { FeedState } from "./candle-feed";

/** Why a chart is not what it should be, in one sentence; null where it is. `silence` is the stream's own reason. */
export function chartWords(
  { candles, isLoading, trouble }: FeedState,
  connection: ConnectionLabel,
  silence: string | null,
): string | null {
  if (trouble !== null) return trouble;
  if (connection === "reconnecting") return "Reconnecting: the last candle stands still.";
  if (connection === "upstream-reconnecting") return "The market feed is reconnecting: the last candle stands still.";
  if (silence !== null) return silence;
  if (candles.length > 0) return null;
  return isLoading ? "Loading candles…" : "No candles yet: the first trade makes one.";
}
