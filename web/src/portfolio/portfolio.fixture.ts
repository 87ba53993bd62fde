import type { Holding, Totals, Valuation } from "./valuation";

export const PORTFOLIO = "5f0d6d0e-0f3b-5b2a-9d3e-0c6f8c1f2b11";

export function holding(symbol: string, fields: Partial<Holding> = {}): Holding {
  return {
    symbol,
    name: symbol,
    sector: "Unclassified",
    quantity: "10",
    averageCost: "22",
    cost: "220.00",
    price: 22.98,
    marketValue: "229.80",
    unrealized: "9.80",
    unrealizedPercent: 4.4545,
    dayChange: "1.90",
    dayChangePercent: 0.8337,
    ...fields,
  };
}

export function valued(holdings: readonly Holding[], fields: Partial<Totals> = {}): Valuation {
  return {
    id: PORTFOLIO,
    name: "Savings",
    currency: "USD",
    revision: 41,
    asOf: "2026-03-29T14:30:05.010Z",
    cash: "1000.00",
    marketValue: "229.80",
    totalValue: "1229.80",
    costBasis: "220.00",
    unrealized: "9.80",
    unrealizedPercent: 4.4545,
    realized: "0.00",
    dayChange: "1.90",
    dayChangePercent: 0.8337,
    returnPercent: 0.8033,
    unpriced: [],
    holdings,
    ...fields,
  };
}
