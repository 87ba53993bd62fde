import { expect, it } from "vitest";
import { candleOf } from "../stream/candles.fixture";
import { LOADING } from "./candle-feed";
import { chartWords } from "./chart-words";

const LOADED = { candles: [candleOf(0)], isLoading: false, trouble: null };

it.each([
  ["nothing where all is well", LOADED, "live", null, null],
  ["that they are loading", LOADING, "live", null, "Loading candles…"],
  ["that there are none", { ...LOADED, candles: [] }, "live", null, "No candles yet: the first trade makes one."],
  ["what the server says", { ...LOADED, trouble: "Away." }, "reconnecting", null, "Away."],
  ["that the page reconnects", LOADED, "reconnecting", null, "Reconnecting: the last candle stands still."],
  ["what the stream says", LOADED, "live", "Paused.", "Paused."],
] as const)("says %s", (_, state, connection, silence, words) => {
  expect(chartWords(state, connection, silence)).toBe(words);
});
