import { useRef, useState, useSyncExternalStore } from "react";
import type { Order } from "../api/orders";
import { ApiError } from "../api/problem";
import { useDesk } from "../desk/desk-context";
import { isUndecided, newKey } from "./carry-out";
import type { OrderState } from "./order-desk";

export interface OrderForm {
  readonly isBusy: boolean;
  /** Why the last order was not carried out, or not surely. */
  readonly problem: ApiError | null;
  /** Give an order. `onTaken` hears its answer, null where it is only accepted. */
  readonly give: (order: Order, words: string, onTaken: (body: unknown) => void) => Promise<void>;
}

/**
 * One place where orders are given. As long as nobody knows what became of one, the same order goes out under the same
 * key, also when the user presses the button again.
 */
export function useOrder(): OrderForm {
  const { orders } = useDesk();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const undecided = useRef<{ order: Order; key: string } | null>(null);

  const give = async (order: Order, words: string, onTaken: (body: unknown) => void) => {
    const before = undecided.current;
    const key = before !== null && isSame(before.order, order) ? before.key : newKey();
    undecided.current = { order, key };
    setBusy(true);
    setProblem(null);
    try {
      const answer = await orders.give(order, words, key);
      undecided.current = null;
      onTaken(answer?.body ?? null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!isUndecided(error)) undecided.current = null;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, problem, give };
}

function isSame(one: Order, other: Order): boolean {
  return one.csv === other.csv && JSON.stringify(one) === JSON.stringify(other);
}

export function useOrders(): OrderState {
  const { orders } = useDesk();
  return useSyncExternalStore(orders.subscribe, orders.state);
}
