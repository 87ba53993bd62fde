import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Poller } from "./poller";

const asked = vi.fn<(symbols: readonly string[]) => void>();
const plan = (...symbols: string[]) => ({ symbols, everyMs: 1_000 });
beforeEach(() => {
  vi.useFakeTimers();
  asked.mockClear();
});
afterEach(() => vi.useRealTimers());

it("goes on as long as there is a plan", () => {
  const poller = new Poller(asked);
  poller.follow(plan("A"));
  expect(asked).not.toHaveBeenCalled();
  vi.advanceTimersByTime(12_000);
  expect(asked.mock.calls.length).toBeGreaterThanOrEqual(10);
  poller.follow(null);
  asked.mockClear();
  vi.advanceTimersByTime(12_000);
  expect(asked).not.toHaveBeenCalled();
});

it("is not put off by a plan that keeps changing", () => {
  const poller = new Poller(asked);
  for (let step = 0; step < 30; step += 1) {
    poller.follow(plan(`S${step}`));
    vi.advanceTimersByTime(100);
  }
  expect(asked.mock.calls.length).toBeGreaterThanOrEqual(2);
  poller.follow(null);
});

it("begins again after a pause", () => {
  const poller = new Poller(asked);
  poller.follow(plan("A"));
  poller.follow(null);
  poller.follow(plan("B"));
  vi.advanceTimersByTime(1_200);
  expect(asked.mock.calls).toEqual([[["B"]]]);
  poller.follow(null);
});
