import type { Order, OrdersApi } from "../api/orders";
import { ApiError } from "../api/problem";
import { decided, give } from "./carry-out";

/** An order that was accepted, and is decided later. */
export interface Accepted {
  readonly command: string;
  /** What was asked: "Buy 10 XNAS:AAPL". */
  readonly words: string;
  /** Why it was refused in the end; null while nobody knows. */
  readonly refusal: string | null;
}

export interface OrderState {
  readonly accepted: readonly Accepted[];
  /** How many orders were decided: whoever shows what they change asks again. */
  readonly decisions: number;
}

/** Gives orders, and follows up those that are only accepted, whatever the user does meanwhile. */
export class OrderDesk {
  private current: OrderState = { accepted: [], decisions: 0 };
  private readonly listeners = new Set<() => void>();

  constructor(private readonly api: OrdersApi) {}

  readonly state = (): OrderState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Give an order, once for each key. Answers null where it is only accepted; throws `ApiError`. */
  async give(order: Order, words: string, key: string): Promise<{ body: unknown } | null> {
    const outcome = await give(this.api, order, key, pause);
    if (outcome.state === "accepted") {
      void this.follow({ command: outcome.command, words, refusal: null });
      return null;
    }
    this.become({ ...this.current, decisions: this.current.decisions + 1 });
    return { body: outcome.body };
  }

  dismiss(command: string): void {
    this.become({ ...this.current, accepted: this.others(command) });
  }

  private async follow(order: Accepted): Promise<void> {
    const { command } = order;
    this.become({ ...this.current, accepted: [...this.others(command), order] });
    const refusal = await this.refusalOf(command);
    const left = refusal === null ? this.others(command) : [...this.others(command), { ...order, refusal }];
    this.become({ accepted: left, decisions: this.current.decisions + 1 });
  }

  private async refusalOf(command: string): Promise<string | null> {
    try {
      await decided(this.api, command, pause);
      return null;
    } catch (error) {
      return error instanceof ApiError ? error.message : "Nobody could be asked what became of it: look at the list.";
    }
  }

  private others(command: string): readonly Accepted[] {
    return this.current.accepted.filter((each) => each.command !== command);
  }

  private become(state: OrderState): void {
    this.current = state;
    for (const listener of this.listeners) listener();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
