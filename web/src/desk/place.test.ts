import { expect, it } from "vitest";
import { placeOf, portfolioAddress } from "./place";

it.each([
  ["", { section: "markets" }],
  ["#", { section: "markets" }],
  ["#elsewhere/1", { section: "markets" }],
  ["#portfolios", { section: "portfolios", portfolio: null }],
  ["#portfolios/", { section: "portfolios", portfolio: null }],
  [portfolioAddress(null), { section: "portfolios", portfolio: null }],
  [portfolioAddress("5f0d6d0e"), { section: "portfolios", portfolio: "5f0d6d0e" }],
])("%j is the address of %j", (hash, place) => expect(placeOf(hash)).toEqual(place));
