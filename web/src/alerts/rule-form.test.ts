import { describe, expect, it } from "vitest";
import { utcOf } from "../format/local-time";
import { ALERT } from "./alerts.fixture";
import {
  NEW_ALERT,
  type Values,
  changesOf,
  isComplete,
  questionOf,
  requestOf,
  valuesAt,
  valuesOf,
  withCondition,
} from "./rule-form";

const typed = (fields: Partial<Values>): Values => ({ ...NEW_ALERT, symbol: " XNAS:AAPL ", threshold: "230.5", ...fields });

describe("a new alert", () => {
  it("is sent as it was typed, with numbers as numbers", () => {
    expect(requestOf(typed({ note: " top ", channels: ["m"] }))).toEqual({
      symbol: "XNAS:AAPL",
      condition: "ABOVE",
      threshold: 230.5,
      repeat: "once",
      cooldown: 0,
      note: "top",
      notificationChannels: ["m"],
      if_true: "refuse",
    });
  });

  it("names what a move counts from, and nothing else does", () => {
    expect(requestOf(typed({ condition: "CHANGE_PCT", reference: "created" }))).toMatchObject({ reference: "created" });
    expect(requestOf(typed({ reference: "created" }))).not.toHaveProperty("reference");
  });

  it("ends at a time of this machine's zone", () => {
    expect(requestOf(typed({ expires: "2026-12-24T18:00" }))).toMatchObject({ expires_at: utcOf("2026-12-24T18:00") });
  });

  it("is quiet only where it may fire again", () => {
    expect(requestOf(typed({ cooldown: 60 }))).toMatchObject({ cooldown: 0 });
    expect(requestOf(typed({ cooldown: 60, repeat: "daily" }))).toMatchObject({ cooldown: 60 });
  });

  it.each([
    ["1,234.5", 1234.5],
    [" 1,234,567 ", 1234567],
    ["-5", -5],
    ["1,5", "1,5"],
    ["high", "high"],
    ["1e400", "1e400"],
  ])("has %j as threshold %j: what is no number is the server's to refuse", (threshold, sent) => {
    expect(requestOf(typed({ threshold }))).toMatchObject({ threshold: sent });
  });

  it("is previewed by its rule alone", () => {
    expect(questionOf(typed({ note: "top", channels: ["m"] }), 7)).toEqual({
      symbol: "XNAS:AAPL",
      condition: "ABOVE",
      threshold: 230.5,
      repeat: "once",
      cooldown: 0,
      days: 7,
    });
  });

  it("is complete with a symbol and a threshold", () => {
    expect(isComplete(typed({}))).toBe(true);
    expect(isComplete(typed({ symbol: " " }))).toBe(false);
    expect(isComplete(typed({ threshold: "" }))).toBe(false);
  });
});

describe("an alert at a price of the chart", () => {
  it.each([
    [231.5, 230, "ABOVE", "231.50"],
    [229.123, 230, "BELOW", "229.12"],
    [230, 230, "ABOVE", "230.00"],
    [0.12345, null, "ABOVE", "0.1235"],
  ])("of %d, the last one being %d, fires %s %s", (price, last, condition, threshold) => {
    expect(valuesAt("XNAS:AAPL", price, last)).toMatchObject({ symbol: "XNAS:AAPL", condition, threshold });
  });

  it("is without one where none was pointed at", () => {
    expect(valuesAt("XNAS:AAPL", null, 230)).toEqual({ ...NEW_ALERT, symbol: "XNAS:AAPL" });
  });
});

describe("a condition that follows the price", () => {
  it.each([
    ["229", "BELOW"],
    ["231", "ABOVE"],
    ["", "ABOVE"],
    ["-1", "ABOVE"],
  ])("at %j is %s", (threshold, condition) => {
    expect(withCondition(typed({ threshold }), 230).condition).toBe(condition);
  });

  it("leaves a move alone", () => {
    expect(withCondition(typed({ condition: "CHANGE_PCT", threshold: "5" }), 230).condition).toBe("CHANGE_PCT");
  });
});

describe("an edited alert", () => {
  const before = valuesOf({ ...ALERT, expiresAt: "2026-12-24T18:00:00Z", note: "top", repeat: "daily", cooldownS: 60 });

  it("that was left alone changes nothing", () => expect(changesOf(before, before)).toEqual({}));

  it("names what was changed", () => {
    expect(changesOf({ ...before, threshold: "231", ifTrue: "wait" }, before)).toEqual({ threshold: 231, if_true: "wait" });
    expect(changesOf({ ...before, expires: "", note: "", channels: ["m"] }, before)).toEqual({
      expires_at: null,
      if_true: "refuse",
      note: "",
      notificationChannels: ["m"],
    });
    expect(changesOf({ ...before, repeat: "once" }, before)).toEqual({ repeat: "once", cooldown: 0 });
  });
});
