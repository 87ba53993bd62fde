import type { Order, Outcome, OrdersApi } from "../api/orders";
import { ApiError } from "../api/problem";
import { backoffMs } from "../stream/backoff";

/** With the waits between them, some four seconds: then the user decides whether to try again. */
const TRIES = 4;
const STORE_FULL = 507;

/** Whether an order may have been taken although nobody said so: it is given again, under the same key. */
export function isUndecided(error: unknown): error is ApiError {
  return error instanceof ApiError && error.retryable && error.status !== STORE_FULL;
}

export type Wait = (ms: number) => Promise<void>;

/** Give an order until somebody takes it, always under one key. Throws `ApiError`: a refusal, or nobody is there. */
export async function give(api: OrdersApi, order: Order, key: string, wait: Wait, tried = 1): Promise<Outcome> {
  try {
    return await api.give(order, key);
  } catch (error) {
    if (!isUndecided(error) || tried === TRIES) throw error;
    await wait(backoffMs(tried, Math.random()));
    return give(api, order, key, wait, tried + 1);
  }
}

/** Look up what became of an accepted order until it is decided. Throws `ApiError` where it was refused. */
export async function decided(api: OrdersApi, command: string, wait: Wait, looked = 1): Promise<unknown> {
  await wait(backoffMs(looked, 1));
  const outcome = await api.outcome(command).catch((error: unknown) => {
    if (isUndecided(error)) return null;
    throw error;
  });
  return outcome?.state === "done" ? outcome.body : decided(api, command, wait, looked + 1);
}

export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
