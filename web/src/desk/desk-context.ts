import { createContext, use } from "react";
import type { MarketApi } from "../api/market";
import type { PortfoliosApi } from "../api/portfolios";
import type { ChartChoice } from "../chart/chart-choice";
import type { OrderDesk } from "../orders/order-desk";
import type { LiveMarket } from "../stream/live-market";
import type { Watchlist } from "../watchlist/watchlist";

/** What a logged-in user works with. Built once per login, handed down by context. */
export interface Desk {
  readonly api: MarketApi;
  readonly portfolios: PortfoliosApi;
  readonly orders: OrderDesk;
  readonly market: LiveMarket;
  readonly watchlist: Watchlist;
  readonly chartChoice: ChartChoice;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = use(DeskContext);
  if (desk === null) throw new Error("useDesk is for components inside the dashboard.");
  return desk;
}
