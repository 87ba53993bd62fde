import { describe, expect, it, vi } from "vitest";
import type { Outcome, OrdersApi } from "../api/orders";
import { ApiError } from "../api/problem";
import { closeOrder } from "../portfolio/orders";
import { decided, give, isUndecided, newKey } from "./carry-out";
import { OrderDesk } from "./order-desk";

const ORDER = closeOrder("p");
const AWAY = new ApiError(503, "ledger_away", "The ledger cannot be reached.");
const UNREACHABLE = new ApiError(0, "unreachable", "The server cannot be reached.");
const REFUSED = new ApiError(409, "not_enough", "Held are 5.");
const ACCEPTED: Outcome = { state: "accepted", command: "c" };
const DONE: Outcome = { state: "done", body: { id: "t" } };

const atOnce = () => Promise.resolve();

/** A server that answers with these, one after the other. */
function serverOf(...answers: (Outcome | ApiError)[]) {
  const keys: (string | null)[] = [];
  const next = (key: string | null): Promise<Outcome> => {
    keys.push(key);
    const answer = answers.shift() ?? DONE;
    return answer instanceof ApiError ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const api = { give: (_: unknown, key: string) => next(key), outcome: () => next(null) } as unknown as OrdersApi;
  return { api, keys };
}

describe("an order", () => {
  it("is given again under the same key until somebody answers", async () => {
    const { api, keys } = serverOf(UNREACHABLE, AWAY, DONE);
    await expect(give(api, ORDER, "k", atOnce)).resolves.toEqual(DONE);
    expect(keys).toEqual(["k", "k", "k"]);
  });

  it("is not given again once it is refused", async () => {
    const { api, keys } = serverOf(REFUSED);
    await expect(give(api, ORDER, "k", atOnce)).rejects.toBe(REFUSED);
    expect(keys).toEqual(["k"]);
  });

  it("is given up when nobody answers for long", async () => {
    const { api, keys } = serverOf(...Array.from({ length: 50 }, () => AWAY));
    await expect(give(api, ORDER, "k", atOnce)).rejects.toBe(AWAY);
    expect(keys).toHaveLength(4);
  });

  it("that was accepted is looked up until it is decided, whoever is away meanwhile", async () => {
    const { api, keys } = serverOf(ACCEPTED, AWAY, ACCEPTED, DONE);
    await expect(decided(api, "c", atOnce)).resolves.toEqual({ id: "t" });
    expect(keys).toEqual([null, null, null, null]);
  });

  it("that was accepted may be refused in the end", async () => {
    await expect(decided(serverOf(ACCEPTED, REFUSED).api, "c", atOnce)).rejects.toBe(REFUSED);
  });
});

it.each([
  [0, true],
  [503, true],
  [429, true],
  [409, false],
  [422, false],
  [507, false],
])("status %d leaves open whether an order was taken: %s", (status, open) => {
  expect(isUndecided(new ApiError(status, "x", "x"))).toBe(open);
});

it("has another key for each order", () => {
  expect(newKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(newKey()).not.toBe(newKey());
});

describe("the desk of orders", () => {
  it("answers at once what is decided at once", async () => {
    const desk = new OrderDesk(serverOf(DONE).api);
    await expect(desk.give(ORDER, "Close", "k")).resolves.toEqual({ body: { id: "t" } });
    expect(desk.state()).toEqual({ accepted: [], decisions: 1 });
  });

  it("shows what is accepted until it is carried out", async () => {
    vi.useFakeTimers();
    const desk = new OrderDesk(serverOf(ACCEPTED, DONE).api);
    await expect(desk.give(ORDER, "Close", "k")).resolves.toBeNull();
    expect(desk.state().accepted).toEqual([{ command: "c", words: "Close", refusal: null }]);
    await vi.runAllTimersAsync();
    expect(desk.state()).toEqual({ accepted: [], decisions: 1 });
    vi.useRealTimers();
  });

  it("shows why it was refused until that was read", async () => {
    vi.useFakeTimers();
    const desk = new OrderDesk(serverOf(ACCEPTED, REFUSED).api);
    await desk.give(ORDER, "Close", "k");
    await vi.runAllTimersAsync();
    expect(desk.state().accepted).toEqual([{ command: "c", words: "Close", refusal: "Held are 5." }]);
    desk.dismiss("c");
    expect(desk.state().accepted).toEqual([]);
    vi.useRealTimers();
  });
});
