import { describe, expect, it } from "vitest";
import { NO_TRADE_ID, type Print, type PrintsChange } from "./messages";
import { TAPE_LENGTH, type Tape, takePrints, withGap } from "./tape";

const trade = (sequence: number, price: number, fields: Partial<Print> = {}): Print => ({
  kind: "trade",
  sequence,
  tradeUs: sequence * 1_000,
  price,
  size: 100,
  id: `id${sequence}`,
  ...fields,
});

const change = (prints: Print[], missed = 0, sequence = prints.at(-1)?.sequence ?? 0): PrintsChange => ({
  symbol: "XNAS:AAPL",
  sequence,
  prints,
  missed,
});

const tapeOf = (...changes: PrintsChange[]): Tape => {
  const tape = changes.reduce<Tape | undefined>(takePrints, undefined);
  if (tape === undefined) throw new Error("No changes, no tape.");
  return tape;
};

const sequences = (tape: Tape) => tape.trades.map(({ sequence }) => sequence);

const withdrawal = (sequence: number, of: Print, fields: Partial<Print> = {}): Print => ({
  ...of,
  kind: "withdrawal",
  sequence,
  ...fields,
});
const withdrawn = (tape: Tape) => tape.trades.filter((each) => each.withdrawn).map(({ sequence }) => sequence);

describe("trades", () => {
  it("come newest first", () => {
    expect(sequences(tapeOf(change([trade(1, 10), trade(2, 10)]), change([trade(3, 10)])))).toEqual([3, 2, 1]);
  });

  it("are kept as many as are shown", () => {
    const tape = tapeOf(change(Array.from({ length: TAPE_LENGTH + 5 }, (_, index) => trade(index + 1, 10))));
    expect(tape.trades).toHaveLength(TAPE_LENGTH);
    expect(tape.trades[0]?.sequence).toBe(TAPE_LENGTH + 5);
  });

  it("are taken once, however often they are sent", () => {
    const tape = tapeOf(change([trade(1, 10), trade(2, 10)]), change([trade(2, 10), trade(3, 10)]));
    expect(sequences(tape)).toEqual([3, 2, 1]);
    expect(takePrints(tape, change([trade(3, 10)]))).toBe(tape);
  });

  it("are held none where none is known", () => {
    expect(tapeOf(change([]))).toEqual({ sequence: 0, trades: [], missed: 0 });
  });

  it("move up and down against the last other price", () => {
    const tape = tapeOf(change([10, 10.01, 10.01, 9.99, 9.99].map((price, index) => trade(index + 1, price))));
    expect(tape.trades.map(({ direction }) => direction)).toEqual(["down", "down", "up", "up", "flat"]);
  });

  it("keep their identity, so that they are not rendered again", () => {
    const before = tapeOf(change([trade(1, 10)]));
    expect(takePrints(before, change([trade(2, 10)])).trades[1]).toBe(before.trades[0]);
  });
});

describe("withdrawals", () => {
  it("mark the trade of their id, and are no trade themselves", () => {
    const tape = tapeOf(change([trade(1, 10), trade(2, 11)]), change([withdrawal(3, trade(1, 10))]));
    expect(sequences(tape)).toEqual([2, 1]);
    expect(withdrawn(tape)).toEqual([1]);
    expect(tape.sequence).toBe(3);
  });

  it("tell apart trades of one id by their time", () => {
    const twice = [trade(1, 10, { id: "7" }), trade(2, 10, { id: "7" })];
    expect(withdrawn(tapeOf(change([...twice, withdrawal(3, trade(1, 10, { id: "7" }))])))).toEqual([1]);
    expect(withdrawn(tapeOf(change([...twice, withdrawal(3, trade(1, 10, { id: "7", tradeUs: null }))])))).toEqual([2]);
  });

  it("go by price and size where the venue has no ids", () => {
    const nameless = { id: NO_TRADE_ID, tradeUs: null };
    const prints = [trade(1, 10, nameless), trade(2, 11, nameless), trade(3, 10, { ...nameless, size: 5 })];
    expect(withdrawn(tapeOf(change([...prints, withdrawal(4, trade(1, 10, nameless))])))).toEqual([1]);
  });

  it("take back one trade each", () => {
    const nameless = { id: NO_TRADE_ID, tradeUs: null };
    const prints = [trade(1, 10, nameless), trade(2, 10, nameless)];
    const back = [withdrawal(3, trade(1, 10, nameless)), withdrawal(4, trade(1, 10, nameless))];
    expect(withdrawn(tapeOf(change([...prints, ...back])))).toEqual([2, 1]);
  });

  it("of a trade that is not shown change nothing", () => {
    expect(withdrawn(tapeOf(change([trade(1, 10), withdrawal(2, trade(0, 9))])))).toEqual([]);
  });

  it("do not count for the direction", () => {
    const tape = tapeOf(change([trade(1, 10), trade(2, 99), withdrawal(3, trade(2, 99)), trade(4, 10.01)]));
    expect(tape.trades[0]?.direction).toBe("up");
  });
});

describe("what was left out", () => {
  it("stands before the trade that follows it", () => {
    const tape = tapeOf(change([trade(1, 10)]), change([trade(9, 10), trade(10, 10)], 7));
    expect(tape.trades.map(({ missedBefore }) => missedBefore)).toEqual([0, 7, 0]);
    expect(tape.missed).toBe(0);
  });

  it("waits for that trade", () => {
    const tape = tapeOf(change([trade(1, 10)]), change([], 2, 5), change([], 3, 9));
    expect(tape.missed).toBe(5);
    expect(takePrints(tape, change([trade(10, 10)])).trades[0]?.missedBefore).toBe(5);
  });

  it("may be said when no print is newer, but not of what is past", () => {
    const tape = tapeOf(change([trade(5, 10)]));
    expect(takePrints(tape, change([], 1, 5)).missed).toBe(1);
    expect(takePrints(tape, change([], 1, 4))).toBe(tape);
  });

  it("is not counted when nobody could, until somebody does", () => {
    const tape = withGap(tapeOf(change([trade(1, 10)])));
    expect(takePrints(tape, change([trade(9, 10)])).trades[0]?.missedBefore).toBe("some");
    expect(takePrints(tape, change([trade(9, 10)], 4)).trades[0]?.missedBefore).toBe(4);
  });

  it("keeps its count over a gap that has none", () => {
    expect(withGap(tapeOf(change([], 2, 5))).missed).toBe(2);
  });
});
