import { useSyncExternalStore } from "react";

/** Where on the page the user is. It stands in the address, so that a reload and the back button keep it. */
export type Place =
  | { readonly section: "markets" }
  | { readonly section: "portfolios"; readonly portfolio: string | null }
  | { readonly section: "alerts"; readonly view: AlertsView };

export const ALERTS_VIEWS = ["list", "history", "channels"] as const;
export type AlertsView = (typeof ALERTS_VIEWS)[number];

const PORTFOLIOS = "#portfolios";
const ALERTS = "#alerts";

export function placeOf(hash: string): Place {
  const [section, part = ""] = hash.split("/");
  if (section === PORTFOLIOS) return { section: "portfolios", portfolio: part === "" ? null : part };
  if (section === ALERTS) return { section: "alerts", view: ALERTS_VIEWS.find((each) => each === part) ?? "list" };
  return { section: "markets" };
}

/** The address of a portfolio, or of the list of all. */
export function portfolioAddress(id: string | null): string {
  return id === null ? PORTFOLIOS : `${PORTFOLIOS}/${encodeURIComponent(id)}`;
}

export function alertsAddress(view: AlertsView): string {
  return view === "list" ? ALERTS : `${ALERTS}/${view}`;
}

export function goTo(address: string): void {
  window.location.hash = address;
}

export function usePlace(): Place {
  return placeOf(useSyncExternalStore(onHash, () => window.location.hash));
}

function onHash(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}
