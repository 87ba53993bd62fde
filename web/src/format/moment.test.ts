import { expect, it } from "vitest";
import { formatMoment } from "./moment";

const NOW = new Date(2026, 10, 22, 12, 0, 0).getTime();
const local = (...parts: [number, number, number, number, number, number]) => new Date(...parts).toISOString();

it.each([
  [local(2026, 10, 22, 9, 31, 5), "09:31:05"],
  [local(2026, 10, 21, 23, 59, 59), "21 Nov, 23:59:59"],
  [local(2025, 10, 21, 15, 0, 0), "21 Nov 2025, 15:00:00"],
  ["soon", "soon"],
])("%s is %s", (utc, words) => expect(formatMoment(utc, NOW)).toBe(words));
