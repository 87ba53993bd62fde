import { expect, it, vi } from "vitest";
import { ChartChoice, FIRST_CHOICE, parseChoice } from "./chart-choice";

it.each([null, "", "null", "[]", '{"interval":"2m","indicators":"sma"}'])("begins afresh from %j", (text) => {
  expect(parseChoice(text)).toEqual(FIRST_CHOICE);
});

it("keeps what it knows of what was saved", () => {
  const text = '{"interval":"1M","indicators":["macd","ichimoku","sma"]}';
  expect(parseChoice(text)).toEqual({ interval: "1M", indicators: ["sma", "macd"] });
});

it("saves every change for the user, and tells of it", () => {
  const saved = new Map<string, string>();
  const store = {
    getItem: (key: string) => saved.get(key) ?? null,
    setItem: (key: string, value: string) => void saved.set(key, value),
    removeItem: (key: string) => void saved.delete(key),
  };
  const choice = new ChartChoice("Ada@example.com", store);
  const listener = vi.fn<() => void>();
  choice.subscribe(listener);
  choice.take("5m");
  choice.toggle("rsi");
  choice.toggle("ema");
  choice.toggle("rsi");
  expect(listener).toHaveBeenCalledTimes(4);
  expect(new ChartChoice("ada@example.com", store).state()).toEqual({ interval: "5m", indicators: ["ema"] });
});
