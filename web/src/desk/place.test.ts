import { expect, it } from "vitest";
import { alertsAddress, placeOf, portfolioAddress } from "./place";

it.each([
  ["", { section: "markets" }],
  ["#", { section: "markets" }],
  ["#elsewhere/1", { section: "markets" }],
  ["#portfolios", { section: "portfolios", portfolio: null }],
  ["#portfolios/", { section: "portfolios", portfolio: null }],
  [portfolioAddress(null), { section: "portfolios", portfolio: null }],
  [portfolioAddress("5f0d6d0e"), { section: "portfolios", portfolio: "5f0d6d0e" }],
  ["#alerts", { section: "alerts", view: "list" }],
  ["#alerts/elsewhere", { section: "alerts", view: "list" }],
  [alertsAddress("list"), { section: "alerts", view: "list" }],
  [alertsAddress("history"), { section: "alerts", view: "history" }],
  [alertsAddress("channels"), { section: "alerts", view: "channels" }],
])("%j is the address of %j", (hash, place) => expect(placeOf(hash)).toEqual(place));
