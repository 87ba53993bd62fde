import { describe, expect, it } from "vitest";
import { EMPTY_MARKET, PORTFOLIO, applyMessage, watchPortfolio } from "../stream/market-state";
import type { ServerMessage } from "../stream/messages";
import { readMessage } from "../stream/wire";

const ID = "5f0d6d0e-0f3b-5b2a-9d3e-0c6f8c1f2b11";

const ROW = {
  symbol: "XNAS:AAPL",
  name: "Apple Inc.",
  quantity: "10",
  average_cost: "220",
  cost: "2200.00",
  price: 229.87,
  price_age_ms: 12,
  market_value: "2298.70",
  unrealized: "98.70",
  unrealized_percent: 4.4864,
  day_change: "19.30",
  day_change_percent: 0.8467,
  weight_percent: 100,
  sector: "Technology",
};
const VALUATION = {
  id: ID,
  name: "Savings",
  currency: "USD",
  revision: 41,
  created_at: "2026-03-02T09:00:00.000Z",
  as_of: "2026-03-29T14:30:05.010Z",
  cash: "1000.00",
  market_value: "2298.70",
  total_value: "3298.70",
  cost_basis: "2200.00",
  unrealized: "98.70",
  unrealized_percent: 4.4864,
  realized: "0.00",
  day_change: "19.30",
  day_change_percent: 0.8467,
  return_percent: null,
  unpriced: [],
  holdings: [ROW],
};

const whole = (fields: object = {}) => readMessage(JSON.stringify({ type: "portfolio", n: 7, valuation: { ...VALUATION, ...fields } }));
const ERROR: ServerMessage = { type: "error", message: "There is no such portfolio.", portfolio: ID };

describe("a portfolio on the stream", () => {
  it("is read with its rows, amounts as text", () => {
    expect(whole()).toMatchObject({
      type: "portfolio",
      number: 7,
      valuation: {
        totalValue: "3298.70",
        returnPercent: null,
        holdings: [{ symbol: "XNAS:AAPL", marketValue: "2298.70", price: 229.87, sector: "Technology" }],
      },
    });
  });

  it("is read with what changed", () => {
    const update = { type: "portfolio_update", n: 8, valuation: { ...VALUATION, removed: ["XNAS:MSFT"] } };
    expect(readMessage(JSON.stringify(update))).toMatchObject({ number: 8, change: { removed: ["XNAS:MSFT"] } });
  });

  it("may have rows without a price", () => {
    const nothing = { price: null, market_value: null, unrealized: null, unrealized_percent: null, day_change: null };
    expect(whole({ holdings: [{ ...ROW, ...nothing }] })).toMatchObject({
      valuation: { holdings: [{ price: null, marketValue: null, cost: "2200.00" }] },
    });
  });

  it.each([
    ["an amount is a float", { cash: 1000 }],
    ["an amount is none", { cash: "1e3" }],
    ["a total is missing", { total_value: undefined }],
    ["a row is none", { holdings: [null] }],
  ])("is passed over where %s", (_, fields) => expect(whole(fields)).toBeNull());
});

describe("what the page knows of a portfolio", () => {
  const watching = watchPortfolio(EMPTY_MARKET, ID).state;
  const message = whole() ?? ERROR;

  it("is that of the one that is watched", () => {
    const { state, changed } = applyMessage(watching, message, 0);
    expect(changed).toEqual([PORTFOLIO]);
    expect(state.portfolio?.valuation?.totalValue).toBe("3298.70");
    expect(applyMessage(EMPTY_MARKET, message, 0).changed).toEqual([]);
    expect(watchPortfolio(state, null).state.portfolio).toBeNull();
    expect(watchPortfolio(state, ID).changed).toEqual([]);
  });

  it("has the server's sentence why it is not sent, until it is", () => {
    const refused = applyMessage(watching, ERROR, 0).state;
    expect(refused.portfolio?.problem).toBe("There is no such portfolio.");
    expect(refused.notice).toBeNull();
    expect(applyMessage(refused, message, 0).state.portfolio?.problem).toBeNull();
    expect(applyMessage(EMPTY_MARKET, ERROR, 0).changed).toEqual([]);
  });

  it("stays over a new connection, which begins with the whole", () => {
    const held = applyMessage(watching, message, 0).state;
    const { portfolio } = applyMessage(held, { type: "welcome", epoch: "2", serverTimestamp: null }, 0).state;
    expect(portfolio).toMatchObject({ number: null, valuation: { totalValue: "3298.70" } });
  });
});
