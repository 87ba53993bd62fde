import { describe, expect, it } from "vitest";
import { FIRING } from "./alerts.fixture";
import {
  type AlertsMessage,
  type LiveAlerts,
  NO_ALERTS,
  applyAlerts,
  withAllSeen,
  withSeen,
  withoutNews,
} from "./live-alerts";

const firing = (id: string) => ({ ...FIRING, id });
const all = (total: number, ...ids: string[]): AlertsMessage => ({ type: "alerts", firings: ids.map(firing), total });
const one = (id: string): AlertsMessage => ({ type: "alert_fired", firing: firing(id) });
const after = (...messages: AlertsMessage[]) => messages.reduce(applyAlerts, NO_ALERTS);
const ids = (firings: LiveAlerts["unseen"]) => firings.map(({ id }) => id).join("");

describe("alerts that fired", () => {
  it("before the page was opened are counted and not announced", () => {
    const held = after(all(7, "b", "a"));
    expect(held.count).toBe(7);
    expect(ids(held.unseen)).toBe("ba");
    expect(held.news).toEqual([]);
  });

  it("since are announced, the latest last", () => {
    const held = after(all(0), one("a"), one("b"));
    expect(ids(held.unseen)).toBe("ba");
    expect(ids(held.news)).toBe("ab");
    expect(held.count).toBe(2);
  });

  it("twice count once", () => expect(after(all(1, "a"), one("a"))).toEqual(after(all(1, "a"))));

  it("while the connection was away are announced when it is back", () => {
    const held = after(all(1, "a"), one("b"), all(4, "d", "c", "b", "a"));
    expect(ids(held.news)).toBe("bcd");
    expect(held.count).toBe(4);
  });

  it("and were not sent are not announced", () => {
    const silent: AlertsMessage = { type: "alerts", firings: [{ ...FIRING, outcome: "limit" }], total: 1 };
    expect(after(all(0), silent)).toMatchObject({ count: 1, news: [] });
  });

  it("are bounded", () => {
    const many = after(all(0), ...Array.from({ length: 300 }, (_, index) => one(String(index))));
    expect([many.unseen.length, many.news.length, many.count]).toEqual([100, 20, 300]);
    expect(many.unseen[0]?.id).toBe("299");
  });
});

describe("what was looked at", () => {
  const held = after(all(1, "a"), one("b"), one("c"));

  it("is not counted any more", () => {
    const seen = withSeen(held, "b");
    expect([ids(seen.unseen), ids(seen.news), seen.count]).toEqual(["ca", "c", 2]);
    expect(withSeen(seen, "b")).toEqual(seen);
  });

  it("may be all", () => expect(withAllSeen(held)).toMatchObject({ unseen: [], news: [], count: 0, heard: held.heard }));

  it("is not what only was announced", () => {
    const quiet = withoutNews(held, "b");
    expect([ids(quiet.unseen), ids(quiet.news), quiet.count]).toEqual(["cba", "c", 3]);
  });
});
