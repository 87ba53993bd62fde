import { UNKNOWN } from "./numbers";

/** Prices older than this are worth a second look, and then not to be traded on. */
export const AGEING_MS = 15_000;
export const STALE_MS = 60_000;

export type Freshness = "fresh" | "ageing" | "stale" | "unknown";

/**
 * Milliseconds since 1970 of an ISO-8601 UTC timestamp with up to nine fraction digits; null when it is not one.
 * ECMAScript promises to read three digits only, so the rest is cut off first.
 */
export function timestampMs(text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null;
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z$/.exec(text);
  if (match === null) return null;
  const ms = Date.parse(`${match[1]}${(match[2] ?? ".000").slice(0, 4).padEnd(4, "0")}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** "now", "8s", "2m 05s", "3h 07m", "4d": never more than seven characters. */
export function formatAge(ageMs: number | null): string {
  if (ageMs === null) return UNKNOWN;
  const seconds = Math.floor(ageMs / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${pad(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${pad(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d`;
}

export function freshness(ageMs: number | null): Freshness {
  if (ageMs === null) return "unknown";
  if (ageMs >= STALE_MS) return "stale";
  return ageMs >= AGEING_MS ? "ageing" : "fresh";
}

/** "2026-03-29 14:30:05.123 UTC", of microseconds since 1970. */
export function formatTimestamp(timeUs: number | null): string {
  return timeUs === null ? UNKNOWN : `${isoOf(timeUs).replace("T", " ")} UTC`;
}

/** "14:30:05.123", UTC, of microseconds since 1970. */
export function formatTimeOfDay(timeUs: number | null): string {
  return timeUs === null ? UNKNOWN : isoOf(timeUs).slice("2026-03-29T".length);
}

function isoOf(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString().replace("Z", "");
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
