import { INDICATORS, INDICATOR_QUERY, PLANS } from "../chart/indicators";
import type { Candle, IndicatorValues, Interval } from "../stream/messages";
import { type Fields, MalformedError, count, list, number, record } from "./fields";
import { ApiError } from "./problem";

/** Candles to a page: some screens of them, 100 KB. */
const PAGE_CANDLES = 500;

export interface CandlePage {
  /** Oldest first, with their indicators. */
  readonly candles: readonly Candle[];
  readonly hasOlder: boolean;
}

/** The path of the newest page, or of the one that ends before `endS`. */
export function candlesPath(symbol: string, interval: Interval, endS: number | null): string {
  const query = new URLSearchParams({ interval, limit: String(PAGE_CANDLES), indicators: INDICATOR_QUERY });
  if (endS !== null) query.set("end", String(endS));
  return `/candles/${encodeURIComponent(symbol)}?${query}`;
}

/** Read the answer. Throws `ApiError` where it is not what it should be. */
export function candlePage(body: unknown): CandlePage {
  try {
    const fields = record(body);
    return { candles: candlesOf(fields), hasOlder: typeof fields["previous"] === "string" };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new ApiError(200, "malformed", "The server's candles cannot be read by this page: reload it.");
  }
}

function candlesOf(fields: Fields): Candle[] {
  const starts = list(fields["t"], count);
  const column = <T>(name: string, item: (value: unknown) => T) => columnOf(fields[name], item, starts.length);
  const [open, high, low, close] = [column("o", number), column("h", number), column("l", number), column("c", number)];
  const [volume, trades, vwap] = [column("v", number), column("n", count), column("vw", orNull)];
  const extended = column("x", count);
  const revision = "e" in fields ? column("e", count) : () => 0;
  const indicators = indicatorsOf(fields["indicators"], starts.length);
  const openAt = fields["open"] === true ? starts.length - 1 : starts.length;
  return starts.map((startS, at) => {
    if (startS <= (starts[at - 1] ?? -1)) throw new MalformedError("candles are not in order");
    const candle: Candle = {
      startS,
      open: open(at),
      high: high(at),
      low: low(at),
      close: close(at),
      volume: volume(at),
      vwap: vwap(at),
      trades: trades(at),
      revision: revision(at),
      extended: extended(at) === 1,
      closed: at < openAt,
      blank: false,
    };
    return indicators === null ? candle : Object.assign(candle, { indicators: indicators(at) });
  });
}

/** All that the page asks for; null where the server gave none: the page computes them itself. */
function indicatorsOf(answers: unknown, length: number): ((at: number) => IndicatorValues) | null {
  if (answers === undefined) return null;
  const columns = INDICATORS.flatMap((name) => {
    const { query, columns: names } = PLANS[name];
    const answer = record(record(answers)[query]);
    return names.map((line) => columnOf(answer[line], orNull, length));
  });
  return (at) => columns.map((column) => column(at));
}

/** A column of the answer, which is as long as the others. */
function columnOf<T>(value: unknown, item: (value: unknown) => T, length: number): (at: number) => T {
  const column = list(value, item);
  if (column.length !== length) throw new MalformedError("columns of several lengths");
  return (at) => column[at] as T;
}

function orNull(value: unknown): number | null {
  return value === null ? null : number(value);
}
