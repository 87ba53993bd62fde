import { expect, it } from "vitest";
import { timeWords } from "./time-axis";

const at = (hour: number, minute = 0) => Date.UTC(2026, 10, 22, hour, minute) / 1000;

it("writes minutes in the viewer's zone", () => {
  const words = timeWords("5m", "America/New_York");
  expect(words.full(at(14, 35))).toBe("22 Nov, 09:35");
  expect([words.mark(at(3), "day"), words.mark(at(14, 35), "time")]).toEqual(["21 Nov", "09:35"]);
});

it("writes days by the date that they are, wherever the viewer is", () => {
  const words = timeWords("1d", "America/New_York");
  expect([words.full(at(0)), words.mark(at(0), "day"), words.offsetS(at(0))]).toEqual(["22 Nov 2026", "22 Nov", 0]);
});

it.each([
  ["America/New_York", -5 * 3600],
  ["Asia/Kolkata", 5.5 * 3600],
  ["UTC", 0],
])("lets days begin with the viewer's in %s", (zone, offsetS) => {
  expect(timeWords("1m", zone).offsetS(at(14, 35) + 7)).toBe(offsetS);
});

it("follows summer time", () => {
  const summer = Date.UTC(2026, 6, 1, 12) / 1000;
  expect(timeWords("1h", "America/New_York").offsetS(summer)).toBe(-4 * 3600);
});
