import { useCallback } from "react";
import type { AlertFilter } from "../api/alerts";
import { type Asked, useAsked } from "../asking/use-asked";
import { type Pages, usePages } from "../asking/use-pages";
import { useDesk } from "../desk/desk-context";
import { useOrders } from "../orders/use-order";
import { useLiveAlerts } from "../stream/hooks";
import { type Channels, NO_CHANNELS } from "./channels";
import type { Firing } from "./firings";
import type { Alert } from "./rules";

/** Another page of the user's may change them, too. */
const ASK_EVERY_MS = 30_000;

/** Counts whatever may have changed an alert: an order, or that one fired. */
function useVersion(): number {
  return useOrders().decisions + useLiveAlerts().heard;
}

/** The user's alerts. `filter` must be memoised. */
export function useAlerts(filter: AlertFilter): Pages<Alert> {
  const { alerts } = useDesk();
  const ask = useCallback(
    (before: string | null, signal: AbortSignal) => alerts.list(filter, before, signal),
    [alerts, filter],
  );
  return usePages(ask, ASK_EVERY_MS, useVersion());
}

/** What fired, of one alert or of all. */
export function useHistory(alert: string | null): Pages<Firing> {
  const { alerts } = useDesk();
  const ask = useCallback(
    (before: string | null, signal: AbortSignal) => alerts.history(alert, before, signal),
    [alerts, alert],
  );
  return usePages(ask, null, useVersion());
}

/** The user's channels, asked for every so often; `version` counts what the page itself does to them. */
export function useChannels(everyMs: number | null = null, version = 0): Asked<Channels> & { readonly channels: Channels } {
  const { alerts } = useDesk();
  const { decisions } = useOrders();
  const ask = useCallback((signal: AbortSignal) => alerts.channels(signal), [alerts]);
  const asked = useAsked(ask, everyMs, decisions + version);
  return { ...asked, channels: asked.answer ?? NO_CHANNELS };
}
