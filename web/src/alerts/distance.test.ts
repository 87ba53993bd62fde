import { describe, expect, it } from "vitest";
import { ALERT } from "./alerts.fixture";
import { distanceOf, levelsOf, nearness } from "./distance";
import type { Alert } from "./rules";

const at = (last: number | null, previousClose: number | null = 200) => ({ last, previousClose });
const rule = (fields: Partial<Alert>): Alert => ({ ...ALERT, ...fields });

describe("the distance of an alert", () => {
  it.each([
    ["ABOVE", 230, 200, 15],
    ["ABOVE", 230, 230, 0],
    ["ABOVE", 230, 240, 0],
    ["BELOW", 180, 200, -10],
    ["BELOW", 180, 179, 0],
  ] as const)("%s %d at %d is %d", (condition, threshold, last, percent) => {
    expect(distanceOf(rule({ condition, threshold }), at(last))?.percent).toBeCloseTo(percent, 10);
  });

  it("is that of the nearer line", () => {
    const moves = rule({ condition: "CHANGE_PCT", threshold: 10 });
    expect(distanceOf(moves, at(210))).toEqual({ level: expect.closeTo(220, 9), percent: expect.closeTo(4.76, 2) });
    expect(distanceOf(moves, at(190))).toEqual({ level: expect.closeTo(180, 9), percent: expect.closeTo(-5.26, 2) });
  });

  it("counts from the price that is fixed, if one is", () => {
    const moves = rule({ condition: "CHANGE_PCT", threshold: 10, reference: "created", referencePrice: 100 });
    expect(distanceOf(moves, at(105, null))?.level).toBeCloseTo(110, 9);
  });

  it.each([
    ["no quote", ALERT, undefined],
    ["no last price", ALERT, at(null)],
    ["no previous close", rule({ condition: "CHANGE_PCT" }), at(200, null)],
  ] as const)("is unknown where there is %s", (_, of, prices) => expect(distanceOf(of, prices)).toBeNull());
});

it("has no line where it would be below nothing", () => {
  const moves = rule({ condition: "CHANGE_PCT", threshold: 100 });
  expect(levelsOf(moves, 50)).toEqual([{ level: 100, side: 1 }]);
});

it.each([
  [0, 1],
  [5, 0.5],
  [-5, 0.5],
  [40, 0],
])("%d %% away is as near as %d", (percent, near) => expect(nearness({ level: 1, percent })).toBe(near));
