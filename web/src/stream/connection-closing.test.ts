import { describe, expect, it } from "vitest";
import { MOST_ADVISED_MS } from "./connection";
import { GOING_AWAY, Life, OPEN, live } from "./connection.fixture";
import { viewOf } from "./connection-view";

const POLICY = 1008;
const RESTART = 1012;
const TOO_MANY = 4429;

const told = (retryAfterMs: number) => live().at(10_000, { type: "advice", retryAfterMs });

describe("being told when to come back", () => {
  it("waits that long instead of the backoff", () => {
    const life = told(7_000).at(10_000, { type: "closed", code: RESTART }, 0.01);
    expect(life.deadlineMs).toBe(17_000);
    expect(viewOf(life.state)).toEqual({ label: "reconnecting", retryAtMs: 17_000 });
    expect(life.at(17_000, { type: "timer" }).effects).toEqual([OPEN]);
  });

  it("counts from the advice, not from the close", () => {
    expect(told(7_000).at(12_000, { type: "closed", code: RESTART }).deadlineMs).toBe(17_000);
  });

  it("waits no longer than is good for a trading screen", () => {
    expect(told(3_600_000).at(10_000, { type: "closed", code: RESTART }).deadlineMs).toBe(10_000 + MOST_ADVISED_MS);
  });

  it("follows the backoff when the advice is over", () => {
    const life = told(500).at(20_000, { type: "closed", code: GOING_AWAY }, 0.8);
    expect(life.deadlineMs).toBe(20_400);
  });

  it("heeds it before the welcome too", () => {
    const life = new Life().at(0, { type: "start" }).at(50, { type: "advice", retryAfterMs: 9_000 });
    expect(life.at(60, { type: "closed", code: RESTART }).deadlineMs).toBe(9_050);
  });

  it("is not hurried by the tab or the network, but by the user", () => {
    const life = told(7_000).at(10_000, { type: "closed", code: RESTART });
    expect(life.at(10_001, { type: "wake" }).effects).toEqual([]);
    expect(life.at(10_002, { type: "retry" }).effects).toEqual([OPEN]);
  });

  it("forgets it with the connection that it was about", () => {
    const life = told(7_000)
      .at(10_000, { type: "closed", code: RESTART })
      .at(17_000, { type: "timer" })
      .at(17_100, { type: "closed", code: 1006 }, 0.8);
    expect(life.deadlineMs).toBe(17_900);
  });
});

describe("close codes", () => {
  it.each([
    [TOO_MANY, 30_000],
    [POLICY, 60_000],
  ])("%d waits %d ms before any backoff", (code, leastMs) => {
    const life = live().at(10_000, { type: "closed", code }, 0.8);
    expect(life.deadlineMs).toBe(10_000 + leastMs + 400);
    expect(life.at(10_001, { type: "wake" }).effects).toEqual([]);
  });

  it("4429 waits its time also where the server asks for less", () => {
    const life = told(2_000).at(10_000, { type: "closed", code: TOO_MANY });
    expect(life.deadlineMs).toBe(40_000);
  });
});
