import { useSyncExternalStore } from "react";

/** Where on the page the user is. It stands in the address, so that a reload and the back button keep it. */
export type Place =
  | { readonly section: "markets" }
  | { readonly section: "portfolios"; readonly portfolio: string | null };

const PORTFOLIOS = "#portfolios";

export function placeOf(hash: string): Place {
  const [section, portfolio = ""] = hash.split("/");
  if (section !== PORTFOLIOS) return { section: "markets" };
  return { section: "portfolios", portfolio: portfolio === "" ? null : portfolio };
}

/** The address of a portfolio, or of the list of all. */
export function portfolioAddress(id: string | null): string {
  return id === null ? PORTFOLIOS : `${PORTFOLIOS}/${encodeURIComponent(id)}`;
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
