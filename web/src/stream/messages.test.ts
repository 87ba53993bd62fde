import { describe, expect, it } from "vitest";
import { parseMessage } from "./messages";

describe("what is understood", () => {
  it.each([
    { type: "welcome", protocol: 1, connection: "c", server_timestamp: "2026-03-29T14:30:05.000000000Z" },
    { type: "subscribed", symbols: ["XNAS:AAPL"] },
    { type: "unsubscribed", symbols: [] },
    { type: "snapshot", symbol: "XNAS:AAPL", seq: 2 ** 53 - 1, bid: null },
    { type: "update", updates: [{ symbol: "XNAS:AAPL", seq: 1 }] },
    { type: "resumed", changed: ["XNAS:AAPL"], unchanged: [] },
    { type: "status", upstream: "reconnecting" },
    { type: "heartbeat", server_timestamp: "2026-03-29T14:30:05.000000000Z" },
    { type: "error", code: "unknown_symbol", message: "No." },
    { type: "pong" },
  ])("$type", (message) => {
    expect(parseMessage(JSON.stringify(message))).toEqual(message);
  });
});

describe("what is passed over", () => {
  it.each([
    ["not JSON", "{"],
    ["null", "null"],
    ["a list", "[]"],
    ["no type", "{}"],
    ["a type of tomorrow", '{"type":"depth"}'],
    ["a welcome without a time", '{"type":"welcome"}'],
    ["symbols that are no strings", '{"type":"subscribed","symbols":[1]}'],
    ["a snapshot without a sequence", '{"type":"snapshot","symbol":"XNAS:AAPL"}'],
    ["a sequence beyond 2^53", '{"type":"snapshot","symbol":"XNAS:AAPL","seq":9007199254740993}'],
    ["one bad update among good ones", '{"type":"update","updates":[{"symbol":"A","seq":1},{"seq":2}]}'],
    ["updates that are no list", '{"type":"update","updates":{}}'],
    ["half a resumed", '{"type":"resumed","changed":[]}'],
    ["an unknown status", '{"type":"status","upstream":"dozing"}'],
    ["an error without words", '{"type":"error","code":"x"}'],
  ])("%s", (_, text) => {
    expect(parseMessage(text)).toBeNull();
  });
});
