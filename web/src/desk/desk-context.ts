import { createContext, use } from "react";
import type { SeenAlerts } from "../alerts/seen-alerts";
import type { AlertsApi } from "../api/alerts";
import type { MarketApi } from "../api/market";
import type { PortfoliosApi } from "../api/portfolios";
import type { ChartChoice } from "../chart/chart-choice";
import type { OrderDesk } from "../orders/order-desk";
import type { LiveMarket } from "../stream/live-market";
import type { QuoteWishes } from "../stream/wishes";
import type { Watchlist } from "../watchlist/watchlist";

/** What a logged-in user works with. Built once per login, handed down by context. */
export interface Desk {
  readonly api: MarketApi;
  readonly portfolios: PortfoliosApi;
  readonly alerts: AlertsApi;
  readonly seenAlerts: SeenAlerts;
  readonly orders: OrderDesk;
  readonly market: LiveMarket;
  readonly wishes: QuoteWishes;
  readonly watchlist: Watchlist;
  readonly chartChoice: ChartChoice;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = use(DeskContext);
  if (desk === null) throw new Error("useDesk is for components inside the dashboard.");
  return desk;
}
