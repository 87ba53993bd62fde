import { describe, expect, it } from "vitest";
import type { Mode } from "./messages";
import { FULL_MODE, POLL_MS, isPaused, modeWords, pollDelayMs, pollPlan } from "./mode";

const WATCHED = new Set(["XNAS:AAPL", "XNYS:JPM"]);
const POLL: Mode = { name: "poll", channels: [], onDemand: [], pollAfterMs: 2_200 };
const MOST_WATCHED: Mode = {
  name: "most_watched",
  channels: ["quote"],
  onDemand: ["XNYS:JPM", "XNYS:GONE"],
  pollAfterMs: null,
};

describe("what is asked for", () => {
  it("is nothing while everything streams", () => {
    expect(pollPlan(FULL_MODE, WATCHED)).toBeNull();
    expect(pollPlan({ ...FULL_MODE, name: "quotes_only", channels: ["quote"] }, WATCHED)).toBeNull();
  });

  it("is everything where nothing streams, as often as the server says", () => {
    expect(pollPlan(POLL, WATCHED)).toEqual({ symbols: ["XNAS:AAPL", "XNYS:JPM"], everyMs: 2_200 });
    expect(pollPlan(POLL, new Set())).toBeNull();
  });

  it("is what is left out of the stream, if it is still watched", () => {
    expect(pollPlan(MOST_WATCHED, WATCHED)).toEqual({ symbols: ["XNYS:JPM"], everyMs: POLL_MS });
  });

  it.each([
    [0, 1_000],
    [10 ** 9, 60_000],
  ])("is bounded: every %d ms is every %d ms", (pollAfterMs, everyMs) => {
    expect(pollPlan({ ...POLL, pollAfterMs }, WATCHED)?.everyMs).toBe(everyMs);
  });

  it("is spread, and never asked for sooner than the server says", () => {
    expect([0, 0.5, 1].map((random) => pollDelayMs(2_500, random))).toEqual([2_500, 2_750, 3_000]);
  });
});

describe("what is said", () => {
  it("is nothing in full mode", () => expect(modeWords(FULL_MODE)).toBeNull());

  it("is another sentence for every mode", () => {
    const names = ["slower", "quotes_only", "most_watched", "poll"] as const;
    expect(new Set(names.map((name) => modeWords({ ...FULL_MODE, name }))).size).toBe(names.length);
  });

  it("names the channels that are left out", () => {
    expect(isPaused(MOST_WATCHED, "depth")).toBe(true);
    expect(isPaused(MOST_WATCHED, "quote")).toBe(false);
    expect(isPaused(FULL_MODE, "trades")).toBe(false);
  });
});
