const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** "15:31:05" of today, "18 Nov, 15:31:05" of this year, "18 Nov 2025, 15:31:05": local time. */
export function formatMoment(utc: string, nowMs: number): string {
  const at = new Date(utc);
  if (Number.isNaN(at.getTime())) return utc;
  const now = new Date(nowMs);
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  const date = at.getFullYear() === now.getFullYear() ? day : dayOfYear;
  return `${date.format(at)}, ${clock.format(at)}`;
}
