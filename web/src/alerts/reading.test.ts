import { describe, expect, it } from "vitest";
import { MalformedError } from "../api/fields";
import { ALERT, ALERT_BODY, FIRING, FIRING_BODY } from "./alerts.fixture";
import { channelTest, channels, choosable, isDecided, namesOf, takesCode, testWords, troubleWords, withToggled } from "./channels";
import { firingPage, lastPrices } from "./firings";
import { placesOf, rulePreview, timesWords } from "./rule-preview";
import { alert, alertPage } from "./rules";

describe("alerts", () => {
  it("are read with the page's names", () => {
    expect(alertPage({ alerts: [ALERT_BODY], next: "more" })).toEqual({ items: [ALERT], next: "more" });
    expect(ALERT).toMatchObject({ referencePrice: null, cooldownS: 0, channels: [], firedCount: 0 });
  });

  it.each([
    ["threshold", "230"],
    ["threshold", 0],
    ["reference_price", -1],
    ["condition", "NEAR"],
    ["state", "deleted"],
    ["cooldown", -1],
    ["expires_at", 5],
    ["notificationChannels", [7]],
  ])("are refused where %s is %j", (field, value) => {
    expect(() => alert({ ...ALERT_BODY, [field]: value })).toThrow(MalformedError);
  });
});

describe("firings", () => {
  it("are read", () => expect(firingPage({ firings: [FIRING_BODY], next: null })).toEqual({ items: [FIRING], next: null }));

  it("tell at which price each alert fired last", () => {
    const [a, b] = [{ ...FIRING, alert: "a" }, { ...FIRING, alert: "b" }];
    const eaten = { ...b, price: 9, outcome: "cooldown" } as const;
    const history = [eaten, { ...a, price: 3 }, { ...b, price: 2, outcome: "limit" } as const, { ...a, price: 1 }];
    expect(lastPrices(history)).toEqual(new Map([["a", 3], ["b", 2]]));
  });

  it("are refused where there is no price", () => {
    expect(() => firingPage({ firings: [{ ...FIRING_BODY, price: null }], next: null })).toThrow("not a number");
  });
});

describe("a preview", () => {
  const body = {
    count: 3,
    firings: [{ fired_at: "2026-03-27T00:00:00Z", price: 229.9, side: -1 }],
    from: "2026-03-26T00:00:00Z",
    to: "2026-03-30T00:00:00Z",
    basis: "1m candles",
    already_true: null,
    price: null,
  };

  it("is read, also where no price is known", () => {
    expect(rulePreview(body)).toMatchObject({ count: 3, basis: "1m candles", price: null });
    expect(rulePreview({ ...body, already_true: true, price: 230.5 })).toMatchObject({ alreadyTrue: true, price: 230.5 });
  });

  it("says where in the time its firings lie", () => {
    expect(placesOf(rulePreview(body))).toEqual([0.25]);
    expect(placesOf(rulePreview({ ...body, to: body.from }))).toEqual([]);
  });

  it.each([
    [1, "once"],
    [2, "2 times"],
    [1234, "1,234 times"],
  ])("of %d says %s", (times, words) => expect(timesWords(times)).toBe(words));
});

describe("channels", () => {
  const mail = { id: "m", kind: "email", name: "", address: "a@b.example", state: "verified", error: "" };
  const hook = { id: "h", kind: "webhook", name: "Desk", address: "https://b.example", state: "unverified", error: "" };
  const read = channels({ channels: [mail, hook], kinds: ["webhook", "pigeon", "email"] });

  it("are read, with the kinds that both sides know", () => {
    expect(read.channels.map(({ id }) => id)).toEqual(["m", "h"]);
    expect(read.kinds).toEqual(["email", "webhook"]);
  });

  it("are chosen where they are verified, or chosen already", () => {
    expect(choosable(read, []).map(({ id }) => id)).toEqual(["m"]);
    expect(choosable(read, ["h"]).map(({ id }) => id)).toEqual(["m", "h"]);
  });

  it("leave the choice with one that was removed", () => {
    expect(withToggled(read, ["gone", "h"], "m")).toEqual(["h", "m"]);
    expect(withToggled(read, ["m", "gone", "h"], "m")).toEqual(["h"]);
  });

  it("have names, as far as they are still there", () => {
    expect(namesOf(read, ["gone", "h", "m"])).toEqual(["E-mail", "Desk"]);
  });

  it.each([
    ["queued", "", false, "on its way"],
    ["failed", "The server hangs up.", false, "tried again: The server hangs up."],
    ["sent", "", true, "was sent"],
    ["dead", "No such user.", true, "could not be sent: No such user."],
  ] as const)("are tested: %s", (state, error, isOver, words) => {
    const test = channelTest({ state, attempts: 1, error });
    expect(isDecided(test)).toBe(isOver);
    expect(testWords(test)).toContain(words);
  });

  it.each([
    ["email", "unverified", "no such user", "The code has not arrived: no such user."],
    ["webhook", "unverified", "the answer was 500", "The challenge has not arrived: the answer was 500."],
    ["email", "verified", "mailbox full", "The last message has not arrived: mailbox full."],
    ["email", "broken", "no such user", "Messages were refused there: no such user. Once"],
    ["email", "broken", "", "Messages were refused there. Once"],
  ])("say why nothing arrives: %s, %s", (kind, state, error, words) => {
    const { channels: [one] } = channels({ channels: [{ ...mail, kind, state, error }], kinds: [] });
    expect(one && troubleWords(one)).toContain(words);
  });

  it.each(["unverified", "verified"])("say nothing where nothing is known: %s", (state) => {
    const { channels: [one] } = channels({ channels: [{ ...mail, state }], kinds: [] });
    expect(one && troubleWords(one)).toBeNull();
  });

  it("take a code where one was sent", () => {
    expect(read.channels.map(takesCode)).toEqual([false, false]);
    expect(channels({ channels: [{ ...mail, state: "unverified" }], kinds: [] }).channels.map(takesCode)).toEqual([true]);
  });
});
