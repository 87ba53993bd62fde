import { expect, it, vi } from "vitest";
import { FIRING } from "./alerts.fixture";
import { type LiveAlerts, NO_ALERTS, applyAlerts } from "./live-alerts";
import { SeenAlerts } from "./seen-alerts";

const fired = (id: string) => ({ type: "alert_fired", firing: { ...FIRING, id } }) as const;

/** A tab in which two alerts have fired. */
function tab(email: string) {
  let held = applyAlerts(applyAlerts(NO_ALERTS, fired("a")), fired("b"));
  const told: unknown[] = [];
  const api = { seen: (ids: unknown) => Promise.reject(new Error(`away: ${told.push(ids)}`)) };
  const market = {
    changeAlerts: (change: (before: LiveAlerts) => LiveAlerts) => {
      held = change(held);
    },
  };
  const seen = new SeenAlerts(api, market, email);
  return { seen, told, close: seen.start(), count: () => held.count };
}

it("tells the server and the other tabs of the same user, also where the server is away", async () => {
  const [one, other, another] = [tab("ada"), tab("ada"), tab("bob")];
  one.seen.see("a");
  expect([one.count(), one.told]).toEqual([1, [["a"]]]);
  await vi.waitFor(() => expect(other.count()).toBe(1));
  other.seen.seeAll();
  expect([other.count(), other.told]).toEqual([0, ["all"]]);
  await vi.waitFor(() => expect(one.count()).toBe(0));
  expect(another.count()).toBe(2);
  for (const each of [one, other, another]) each.close();
});
