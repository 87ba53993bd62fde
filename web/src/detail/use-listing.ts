import { useEffect, useState } from "react";
import type { Listing, MarketApi } from "../api/market";

/** Who an instrument is; null until the server has said so, and where it does not: the page can do without. */
export function useListing(api: MarketApi, symbol: string): Listing | null {
  const [listing, setListing] = useState<Listing | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    api.listing(symbol, stop.signal).then(setListing, () => undefined);
    return () => stop.abort();
  }, [api, symbol]);
  return listing?.symbol === symbol ? listing : null;
}
