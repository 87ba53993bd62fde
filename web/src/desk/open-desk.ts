import type { Session } from "../account/session";
import { SeenAlerts } from "../alerts/seen-alerts";
import { alertsApi } from "../api/alerts";
import { marketApi } from "../api/market";
import { ordersApi } from "../api/orders";
import { portfoliosApi } from "../api/portfolios";
import { ChartChoice } from "../chart/chart-choice";
import { OrderDesk } from "../orders/order-desk";
import { LiveMarket } from "../stream/live-market";
import { streamUrl } from "../stream/socket";
import { watchedOf } from "../stream/subscriptions";
import { QuoteWishes } from "../stream/wishes";
import { Watchlist } from "../watchlist/watchlist";
import type { Desk } from "./desk-context";

export function createDesk(session: Session, email: string): Desk {
  const { origin } = window.location;
  const api = marketApi(origin, session);
  const alerts = alertsApi(origin, session);
  const market = new LiveMarket(streamUrl(origin), session);
  return {
    api,
    portfolios: portfoliosApi(origin, session),
    alerts,
    seenAlerts: new SeenAlerts(alerts, market, email),
    orders: new OrderDesk(ordersApi(origin, session)),
    market,
    wishes: new QuoteWishes(),
    watchlist: new Watchlist(email, localStorage, api),
    chartChoice: new ChartChoice(email, localStorage),
  };
}

/** Bring the desk to life: the stream watches what the list holds, the details show and others wish. Returns how to close it. */
export function openDesk({ seenAlerts, market, wishes, watchlist, chartChoice }: Desk): () => void {
  const watch = () => {
    const { entries, selected } = watchlist.state();
    const listed = entries.filter((entry) => entry.resolved).map((entry) => entry.symbol);
    market.watch(watchedOf(listed, selected, chartChoice.state().interval, wishes.symbols()));
  };
  // Bare tickers are looked up when the server is known to be there, after every reconnection if need be.
  const resolve = () => {
    if (market.connectionView().label === "live") void watchlist.resolvePending();
  };
  watch();
  const closers = [
    watchlist.subscribe(watch),
    wishes.subscribe(watch),
    chartChoice.subscribe(watch),
    market.onConnection(resolve),
    market.start(),
    seenAlerts.start(),
  ];
  return () => closers.forEach((close) => close());
}
