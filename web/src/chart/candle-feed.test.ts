import { beforeEach, describe, expect, it, vi } from "vitest";
import type { CandlePage } from "../api/candles";
import { ApiError } from "../api/problem";
import { candleOf } from "../stream/candles.fixture";
import type { RecentCandles } from "../stream/recent-candles";
import { CandleFeed } from "./candle-feed";

const NEWEST: CandlePage = { candles: [candleOf(2), candleOf(3)], hasOlder: true };
const OLDER: CandlePage = { candles: [candleOf(0), candleOf(1)], hasOlder: false };
const AWAY = new ApiError(503, "candles_unavailable", "Candles are away.");

/** What a feed is given: answers that the test decides upon, and a stream in the test's hand. */
class Surroundings {
  readonly asked: (number | null)[] = [];
  readonly answers: ((page: CandlePage | Error) => void)[] = [];
  recent: RecentCandles | undefined;
  label: "live" | "reconnecting" = "live";
  private readonly listeners = new Map<string, () => void>();

  readonly candles = (_symbol: string, _interval: string, endS: number | null): Promise<CandlePage> => {
    this.asked.push(endS);
    return new Promise((resolve, reject) => {
      this.answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  };

  readonly market = {
    candles: () => this.recent,
    connectionView: () => ({ label: this.label, retryAtMs: null }),
    onTopic: (topic: string, listener: () => void) => this.listen(topic, listener),
    onConnection: (listener: () => void) => this.listen("connection", listener),
  };

  tell(topic: string): void {
    this.listeners.get(topic)?.();
  }

  stream(recent: RecentCandles): void {
    this.recent = recent;
    this.tell("candles:1m XNAS:AAPL");
  }

  async answer(answer: CandlePage | Error): Promise<void> {
    this.answers.shift()?.(answer);
    await vi.advanceTimersByTimeAsync(0);
  }

  private listen(topic: string, listener: () => void): () => void {
    this.listeners.set(topic, listener);
    return () => this.listeners.delete(topic);
  }
}

describe("a feed of candles", () => {
  let around: Surroundings;
  let feed: CandleFeed;
  let close: () => void;
  const starts = () => feed.state().candles.map(({ startS }) => (startS - candleOf(0).startS) / 60);

  beforeEach(() => {
    vi.useFakeTimers();
    around = new Surroundings();
    feed = new CandleFeed(around, around.market, "XNAS:AAPL", "1m");
    close = feed.start();
  });

  it("asks for the newest page, and for older ones when told", async () => {
    expect(feed.state().isLoading).toBe(true);
    await around.answer(NEWEST);
    feed.loadOlder();
    feed.loadOlder();
    await around.answer(OLDER);
    feed.loadOlder();
    expect(around.asked).toEqual([null, candleOf(2).startS]);
    expect([starts(), feed.state().isLoading]).toEqual([[0, 1, 2, 3], false]);
  });

  it("shows the stream's candles beside those asked for, without the withdrawn", async () => {
    around.stream({ sequence: 1, candles: [candleOf(3, { blank: true, revision: 1 }), candleOf(4)], gaps: 0 });
    await around.answer(NEWEST);
    expect(starts()).toEqual([2, 4]);
  });

  it("asks again when the stream may have missed some", async () => {
    await around.answer(NEWEST);
    around.stream({ sequence: 2, candles: [candleOf(9)], gaps: 1 });
    await around.answer({ candles: [candleOf(8), candleOf(9)], hasOlder: true });
    expect([around.asked, starts()]).toEqual([[null, null], [8, 9]]);
  });

  it("asks once more when that happened while the answer was on its way", async () => {
    around.stream({ sequence: 2, candles: [], gaps: 1 });
    await around.answer(NEWEST);
    await around.answer(NEWEST);
    expect(around.asked).toEqual([null, null]);
  });

  it("says that candles are away, and tries again later", async () => {
    await around.answer(AWAY);
    expect(feed.state()).toMatchObject({ trouble: "Earlier candles cannot be had just now. Trying again.", isLoading: false });
    await vi.advanceTimersByTimeAsync(60_000);
    await around.answer(NEWEST);
    expect([feed.state().trouble, starts()]).toEqual([null, [2, 3]]);
  });

  it("tries at once when the connection is back", async () => {
    await around.answer(AWAY);
    around.tell("connection");
    expect(around.asked).toEqual([null, null]);
  });

  it("does not ask again for what is refused for good", async () => {
    await around.answer(new ApiError(404, "unknown_symbol", "No such symbol."));
    await vi.advanceTimersByTimeAsync(600_000);
    around.stream({ sequence: 2, candles: [candleOf(9)], gaps: 0 });
    expect([around.asked, feed.state().trouble]).toEqual([[null], "No such symbol."]);
  });

  it("is silent once closed", async () => {
    const listener = vi.fn<() => void>();
    feed.subscribe(listener);
    close();
    await around.answer(NEWEST);
    expect(listener).not.toHaveBeenCalled();
  });
});
