import { describe, expect, it } from "vitest";
import type { CandlePage } from "../api/candles";
import { candleOf } from "../stream/candles.fixture";
import { type History, MOST_CANDLES, NO_HISTORY, interrupted, olderEndS, withNewest, withOlder, withRecent } from "./history";

const minutes = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => candleOf(from + index));
const page = (from: number, to: number, hasOlder = true): CandlePage => ({ candles: minutes(from, to), hasOlder });
const held = ({ candles }: History) => candles.map(({ startS }) => (startS - candleOf(0).startS) / 60);

describe("a chart's candles", () => {
  it.each([
    ["page first", (history: History) => withRecent(withNewest(history, page(10, 14)), minutes(12, 16))],
    ["stream first", (history: History) => withNewest(withRecent(history, minutes(12, 16)), page(10, 14))],
  ])("are the page's and the stream's together: %s", (_, build) => {
    const history = build(NO_HISTORY);
    expect(held(history)).toEqual([10, 11, 12, 13, 14, 15]);
    expect(olderEndS(history)).toBe(candleOf(10).startS);
  });

  it("go back page by page, until there are no older ones", () => {
    const newest = withNewest(NO_HISTORY, page(10, 12));
    const older = withOlder(newest, page(8, 10, false));
    expect(held(older)).toEqual([8, 9, 10, 11]);
    expect(olderEndS(older)).toBeNull();
  });

  it("are not asked for further back before the newest are there", () => {
    expect(olderEndS(withRecent(NO_HISTORY, minutes(1, 3)))).toBeNull();
  });

  it("are bounded: the oldest go, and none older are asked for", () => {
    const full = withRecent(withNewest(NO_HISTORY, page(0, MOST_CANDLES)), minutes(MOST_CANDLES, MOST_CANDLES + 2));
    expect([full.candles.length, held(full)[0], olderEndS(full)]).toEqual([MOST_CANDLES, 2, null]);
  });

  it("keep their identity when nothing is new", () => {
    const history = withNewest(NO_HISTORY, page(10, 14));
    expect(withRecent(history, minutes(12, 14))).toBe(history);
  });
});

describe("after a gap", () => {
  const before = withOlder(withNewest(NO_HISTORY, page(10, 14)), page(5, 10, false));

  it("the newest page closes the hole", () => {
    const history = withRecent(interrupted(before), minutes(20, 22));
    expect(history.isStale).toBe(true);
    const closed = withNewest(history, page(12, 22));
    expect(held(closed)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
    expect([closed.isStale, closed.hasOlder]).toEqual([false, false]);
  });

  it("what lies beyond a hole that no page closes goes, and may be asked for again", () => {
    const history = withRecent(interrupted(before), minutes(90, 92));
    const torn = withNewest(interrupted(history), page(50, 92));
    expect(held(torn)[0]).toBe(50);
    expect(olderEndS(torn)).toBe(candleOf(50).startS);
  });

  it("before the first page there is nothing to be torn", () => {
    const history = interrupted(withRecent(NO_HISTORY, minutes(20, 22)));
    expect(olderEndS(withNewest(history, page(12, 22)))).toBe(candleOf(12).startS);
  });
});
