/** A time of the server's as an input for local times has it, to the second. */
export function localOf(utc: string): string {
  const at = new Date(utc);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, "2026-03-29T16:30:05".length);
}

/** "2026-03-29T16:30:05" of this machine's zone in UTC; what is no time is left for the server to refuse. */
export function utcOf(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString();
}
