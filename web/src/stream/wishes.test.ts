import { expect, it, vi } from "vitest";
import { QuoteWishes } from "./wishes";

it("holds every wish until it is taken back", () => {
  const wishes = new QuoteWishes();
  const listener = vi.fn<() => void>();
  wishes.subscribe(listener);
  const first = wishes.add(["A", "B"]);
  const second = wishes.add(["B", "C"]);
  expect(wishes.symbols()).toEqual(["A", "B", "C"]);
  first();
  expect(wishes.symbols()).toEqual(["B", "C"]);
  second();
  expect(wishes.symbols()).toEqual([]);
  expect(listener).toHaveBeenCalledTimes(4);
});
