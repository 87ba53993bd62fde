import { expect, it } from "vitest";
import { CALM_MS, nextFlash, restingFlash } from "./flash";

it("flashes in the direction of the movement, alternating the beat", () => {
  const up = nextFlash(restingFlash(10), 11, 1_000);
  const down = nextFlash(up, 10.5, 1_010);
  expect(up).toMatchObject({ value: 11, direction: "up", beat: 1 });
  expect(down).toMatchObject({ value: 10.5, direction: "down", beat: 0 });
});

it("does not flash for a number that appears, disappears or stays", () => {
  expect(nextFlash(restingFlash(null), 10, 0).direction).toBeNull();
  expect(nextFlash(restingFlash(10), null, 0).direction).toBeNull();
  expect(nextFlash(restingFlash(10), 10, 0).direction).toBeNull();
});

it("does not start anew while the same flash has hardly begun", () => {
  const first = nextFlash(restingFlash(10), 11, 1_000);
  expect(nextFlash(first, 12, 1_000 + CALM_MS - 1)).toMatchObject({ value: 12, beat: first.beat });
  expect(nextFlash(first, 12, 1_000 + CALM_MS).beat).not.toBe(first.beat);
});
