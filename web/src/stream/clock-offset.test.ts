import { expect, it } from "vitest";
import { NO_SAMPLES, addSample, offsetMs } from "./clock-offset";

const from = (...samples: number[]) => offsetMs(samples.reduce(addSample, NO_SAMPLES));

it("is zero until the server has spoken", () => {
  expect(from()).toBe(0);
});

it("believes the message that travelled fastest", () => {
  expect(from(-120, -30, -90)).toBe(-30);
});

it("forgets old samples, so that it follows a drifting clock", () => {
  expect(from(50, ...Array.from({ length: 8 }, () => 20))).toBe(20);
});

it("starts afresh when a clock was set", () => {
  expect(from(10, 12, -3_600_000)).toBe(-3_600_000);
});
