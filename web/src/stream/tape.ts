import type { Direction } from "../format/change";
import { NO_TRADE_ID, type Print, type PrintsChange } from "./messages";

/** As many trades as are shown; older ones are forgotten. */
export const TAPE_LENGTH = 20;

/** How many prints were left out, or "some" where nobody could count. */
export type Missed = number | "some";

export interface Trade {
  readonly sequence: number;
  readonly tradeUs: number | null;
  readonly price: number;
  readonly size: number;
  readonly id: string;
  /** Against the last trade before it at another price. */
  readonly direction: Direction;
  readonly withdrawn: boolean;
  /** Left out between this trade and the one before it. */
  readonly missedBefore: Missed;
}

/** The latest trades of one instrument. */
export interface Tape {
  /** The latest print's. */
  readonly sequence: number;
  /** Newest first. */
  readonly trades: readonly Trade[];
  /** Left out after the newest trade. */
  readonly missed: Missed;
}

const EMPTY_TAPE: Tape = { sequence: 0, trades: [], missed: 0 };

/**
 * Take the prints in that are newer than the held; a snapshot's are no different from an update's. That prints were
 * left out may be said without one that is newer.
 */
export function takePrints(held: Tape | undefined, change: PrintsChange): Tape {
  const tape = held ?? EMPTY_TAPE;
  const fresh = change.prints.filter(({ sequence }) => sequence > tape.sequence);
  const isNews = fresh.length > 0 || change.missed > 0 || change.sequence > tape.sequence;
  if (change.sequence < tape.sequence || (held !== undefined && !isNews)) return tape;
  const before: Tape = { ...tape, sequence: change.sequence, missed: sum(tape.missed, change.missed) };
  return fresh.reduce(takePrint, before);
}

/** Trades may have been missed here, and the server cannot say how many. */
export function withGap(tape: Tape): Tape {
  return tape.missed === 0 ? { ...tape, missed: "some" } : tape;
}

function takePrint(tape: Tape, print: Print): Tape {
  return print.kind === "trade" ? withTrade(tape, print) : withoutTrade(tape, print);
}

function withTrade(tape: Tape, { sequence, tradeUs, price, size, id }: Print): Tape {
  const direction = directionOf(price, tape.trades);
  const trade = { sequence, tradeUs, price, size, id, direction, withdrawn: false, missedBefore: tape.missed };
  return { ...tape, trades: [trade, ...tape.trades].slice(0, TAPE_LENGTH), missed: 0 };
}

/** A withdrawn trade stays where it was, marked; one that is not shown any more is no loss. */
function withoutTrade(tape: Tape, withdrawal: Print): Tape {
  const at = tape.trades.findIndex((trade) => !trade.withdrawn && isMeant(trade, withdrawal));
  return { ...tape, trades: tape.trades.map((trade, index) => (index === at ? { ...trade, withdrawn: true } : trade)) };
}

function isMeant(trade: Trade, { tradeUs, price, size, id }: Print): boolean {
  if (tradeUs !== null && trade.tradeUs !== tradeUs) return false;
  return id === NO_TRADE_ID ? trade.price === price && trade.size === size : trade.id === id;
}

function directionOf(price: number, trades: readonly Trade[]): Direction {
  const before = trades.find(({ withdrawn }) => !withdrawn);
  if (before === undefined) return "flat";
  if (price === before.price) return before.direction;
  return price > before.price ? "up" : "down";
}

/** A count says more than "some". */
function sum(held: Missed, more: number): Missed {
  if (held === "some") return more === 0 ? held : more;
  return held + more;
}
