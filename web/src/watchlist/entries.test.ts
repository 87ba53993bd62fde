import { describe, expect, it } from "vitest";
import {
  WATCHLIST_LIMIT,
  addEntry,
  neighbourOf,
  parseEntries,
  removeEntry,
  resolveEntry,
  resolvedEntry,
  serialiseEntries,
  storageKey,
  unresolvedEntry,
} from "./entries";

const apple = resolvedEntry("XNAS:AAPL", "Apple Inc.");
const jpm = resolvedEntry("XNYS:JPM", "JPMorgan Chase & Co.");
const symbols = (entries: readonly { symbol: string }[]) => entries.map((entry) => entry.symbol);

describe("the list", () => {
  it("adds at the end, once", () => {
    const entries = addEntry([apple], jpm);
    expect(symbols(entries)).toEqual(["XNAS:AAPL", "XNYS:JPM"]);
    expect(addEntry(entries, apple)).toBe(entries);
  });

  it("is bounded", () => {
    const full = Array.from({ length: WATCHLIST_LIMIT }, (_, index) => resolvedEntry(`XNAS:S${index}`, null));
    expect(addEntry(full, apple)).toBe(full);
  });

  it("removes by symbol", () => {
    expect(removeEntry([apple, jpm], "XNAS:AAPL")).toEqual([jpm]);
  });

  it("puts a resolved symbol where its ticker stood", () => {
    expect(resolveEntry([unresolvedEntry("AAPL"), jpm], "AAPL", apple)).toEqual([apple, jpm]);
  });

  it("does not list an instrument twice when a ticker resolves to it", () => {
    expect(resolveEntry([apple, unresolvedEntry("AAPL")], "AAPL", apple)).toEqual([apple]);
  });

  it("keeps a ticker that the server refused, with its sentence", () => {
    const refused = { ...unresolvedEntry("NOPE"), problem: "No NOPE." };
    expect(resolveEntry([unresolvedEntry("NOPE")], "NOPE", refused)).toEqual([refused]);
  });

  it("hands the selection to the next, else to the one before", () => {
    expect(neighbourOf([apple, jpm], "XNAS:AAPL")).toBe("XNYS:JPM");
    expect(neighbourOf([apple, jpm], "XNYS:JPM")).toBe("XNAS:AAPL");
    expect(neighbourOf([apple], "XNAS:AAPL")).toBeNull();
  });
});

describe("saving", () => {
  it("brings the list back as it was, without problems", () => {
    const entries = [apple, { ...unresolvedEntry("NOPE"), problem: "No NOPE." }];
    expect(parseEntries(serialiseEntries(entries))).toEqual([apple, unresolvedEntry("NOPE")]);
  });

  it("tells an emptied list from none", () => {
    expect(parseEntries(serialiseEntries([]))).toEqual([]);
    expect(parseEntries(null)).toBeNull();
  });

  it.each(["{", "{}", '"x"', "null"])("counts %s as none", (text) => expect(parseEntries(text)).toBeNull());

  it("leaves out entries that are not whole", () => {
    expect(parseEntries('[null, 1, {"name":"x"}, {"symbol":"XNAS:AAPL","resolved":true}]')).toEqual([
      resolvedEntry("XNAS:AAPL", null),
    ]);
  });

  it("is per user, however the address was typed", () => {
    expect(storageKey("Ann@Example.com")).toBe(storageKey("ann@example.com"));
  });
});
