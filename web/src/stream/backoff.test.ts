import { expect, it } from "vitest";
import { backoffMs } from "./backoff";

it("spreads over everything below the ceiling", () => {
  expect(backoffMs(3, 0.25)).toBe(500);
  expect(backoffMs(3, 0.75)).toBe(1500);
});

it("never exceeds the cap, however often it failed", () => {
  expect(backoffMs(2_000, 0.999_999)).toBeLessThanOrEqual(30_000);
});

it("keeps a floor, so that nothing is hammered", () => {
  expect(backoffMs(1, 0)).toBe(200);
});
