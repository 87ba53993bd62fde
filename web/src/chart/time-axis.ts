import type { Interval } from "../stream/messages";

/** Days, weeks and months are named by their first date, which is the same for everybody. */
export function isDated(interval: Interval): boolean {
  return interval === "1d" || interval === "1w" || interval === "1M";
}

/** Which stretch a mark on the axis begins. */
export type Mark = "year" | "month" | "day" | "time";

export interface TimeWords {
  /** Of a candle, in full. */
  readonly full: (startS: number) => string;
  readonly mark: (startS: number, mark: Mark) => string;
  /** To be added to a time so that its days begin where the viewer's do. */
  readonly offsetS: (startS: number) => number;
}

/** How a candle's start is written: in the viewer's time zone, or as the date that it is. */
export function timeWords(interval: Interval, zone = new Intl.DateTimeFormat().resolvedOptions().timeZone): TimeWords {
  const dated = isDated(interval);
  const timeZone = dated ? "UTC" : zone;
  const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-GB", { ...options, timeZone });
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const full = format({ day: "numeric", month: "short", ...(dated ? { year: "numeric" } : clock) });
  const marks: Record<Mark, Intl.DateTimeFormat> = {
    year: format({ year: "numeric" }),
    month: format({ month: "short" }),
    day: format({ day: "numeric", month: "short" }),
    time: format(clock),
  };
  const parts = format({ year: "numeric", month: "numeric", day: "numeric", ...clock });
  return {
    full: (startS) => full.format(startS * 1000),
    mark: (startS, mark) => marks[mark].format(startS * 1000),
    offsetS: (startS) => (timeZone === "UTC" ? 0 : localS(parts, startS) - startS),
  };
}

/** The wall clock's reading as if it were UTC; zones differ by whole minutes. */
function localS(parts: Intl.DateTimeFormat, startS: number): number {
  const at = Object.fromEntries(parts.formatToParts(startS * 1000).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = at;
  return Date.UTC(year, month - 1, day, hour, minute) / 1000 + (startS % 60);
}
