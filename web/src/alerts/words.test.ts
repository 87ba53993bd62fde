import { describe, expect, it } from "vitest";
import { ALERT, FIRING } from "./alerts.fixture";
import { browserName } from "./web-push";
import { cooldownWords, firingWords, ruleWords, waitWords } from "./words";

describe("the words of a rule", () => {
  it.each([
    [{}, "Rises to 230.00"],
    [{ condition: "BELOW", threshold: 0.00012 }, "Falls to 0.00012"],
    [{ condition: "CHANGE_PCT", threshold: 2.5 }, "Moves by 2.5% from the previous close"],
    [{ condition: "CHANGE_PCT", threshold: 5, reference: "created", referencePrice: 201.11 }, "Moves by 5% from 201.11"],
  ] as const)("%j", (fields, words) => expect(ruleWords({ ...ALERT, ...fields })).toBe(words));

  it("need not know what it counts from", () => {
    expect(ruleWords({ condition: "CHANGE_PCT", threshold: 5 })).toBe("Moves by 5%");
  });
});

it.each([
  [{}, "AAPL rose to 230.05"],
  [{ side: -1, price: 1234.5 }, "AAPL fell to 1,234.50"],
  [{ side: -1, condition: "CHANGE_PCT", threshold: 2 }, "AAPL fell by 2% to 230.05"],
] as const)("a firing: %j", (fields, words) => expect(firingWords({ ...FIRING, ...fields })).toBe(words));

it.each([
  [45, "45 s"],
  [60, "1 min"],
  [900, "15 min"],
  [7_200, "2 h"],
  [604_800, "7 d"],
])("%d s are %s", (seconds, words) => expect(cooldownWords(seconds)).toBe(words));

it("says what is waited for", () => {
  expect(waitWords({ repeat: "every_cross", state: "waiting" })).toBe("for the price to come back");
  expect(waitWords({ repeat: "daily", state: "waiting" })).toContain("another day");
  expect(waitWords({ repeat: "daily", state: "armed" })).toBeNull();
});

it.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
  ["Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 (KHTML) Version/18 Safari/605.1", "Safari on macOS"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"],
  ["curl/8", "Browser"],
])("%s is %s", (agent, name) => expect(browserName(agent)).toBe(name));
