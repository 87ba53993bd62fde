import { type Connection, type ConnectionEvent, STOPPED, advance } from "./connection";
import { viewOf } from "./connection-view";

export const WELCOME = { type: "welcome", epoch: "e1" } as const;
export const GOING_AWAY = 1001;

export const OPEN = { type: "open", renewToken: false };

/** Runs events at given times, and keeps the last step. */
export class Life {
  state: Connection = STOPPED;
  effects: readonly unknown[] = [];

  at(nowMs: number, event: ConnectionEvent, random = 0.5): this {
    ({ state: this.state, effects: this.effects } = advance(this.state, event, { nowMs, random }));
    return this;
  }

  get label() {
    return viewOf(this.state).label;
  }

  /** The time of the next try, or of what ends the present state. */
  get deadlineMs(): number {
    return "deadlineMs" in this.state ? this.state.deadlineMs : Infinity;
  }
}

export const live = () => new Life().at(0, { type: "start" }).at(100, WELCOME);
