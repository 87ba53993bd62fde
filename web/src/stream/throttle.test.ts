import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Throttle } from "./throttle";

const action = vi.fn<() => void>();
beforeEach(() => {
  vi.useFakeTimers();
  action.mockClear();
});
afterEach(() => vi.useRealTimers());

it("acts at once when it was quiet", () => {
  const throttle = new Throttle(action, 100);
  throttle.ask();
  expect(action).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(101);
  throttle.ask();
  expect(action).toHaveBeenCalledTimes(2);
});

it("makes one of what is asked in between, and never forgets the last", () => {
  const throttle = new Throttle(action, 100);
  for (let step = 0; step < 30; step += 1) {
    throttle.ask();
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(1_000);
  expect(action).toHaveBeenCalledTimes(4);
});
