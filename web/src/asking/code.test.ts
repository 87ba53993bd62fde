import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { code } from "./code";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function failing(times: number) {
  let left = times;
  return vi.fn<() => Promise<string>>(() => (left-- > 0 ? Promise.reject(new TypeError("not fetched")) : Promise.resolve("here")));
}

it("loads code again until the server is back", async () => {
  const load = failing(3);
  const loaded = code(load, new AbortController().signal);
  await vi.runAllTimersAsync();
  expect(await loaded).toBe("here");
  expect(load).toHaveBeenCalledTimes(4);
});

it("gives up after a while", async () => {
  const load = failing(100);
  const loaded = code(load, new AbortController().signal);
  await Promise.all([expect(loaded).rejects.toThrow("not fetched"), vi.runAllTimersAsync()]);
  expect(load).toHaveBeenCalledTimes(8);
});

it("asks no more once nobody waits", async () => {
  const load = failing(100);
  const leaving = new AbortController();
  const loaded = code(load, leaving.signal);
  leaving.abort();
  await Promise.all([expect(loaded).rejects.toThrow("abort"), vi.runAllTimersAsync()]);
  expect(load).toHaveBeenCalledTimes(1);
});
