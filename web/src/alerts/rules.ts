import { MalformedError, count, list, number, oneOf, orNull, record, string } from "../api/fields";
import { page } from "../api/pages";

export const CONDITIONS = ["ABOVE", "BELOW", "CHANGE_PCT"] as const;
export type Condition = (typeof CONDITIONS)[number];

export const REFERENCES = ["prev_close", "created"] as const;
export type Reference = (typeof REFERENCES)[number];

export const REPEATS = ["once", "every_cross", "daily"] as const;
export type Repeat = (typeof REPEATS)[number];

/** `waiting`: for the price to come back, or for the next trading day. */
export const STATES = ["armed", "waiting", "fired", "paused", "expired"] as const;
export type AlertState = (typeof STATES)[number];

/** An alert as the server has it. */
export interface Alert {
  readonly id: string;
  readonly symbol: string;
  readonly name: string;
  readonly condition: Condition;
  /** A price; of `CHANGE_PCT` a percentage. */
  readonly threshold: number;
  readonly reference: Reference;
  /** The price that `CHANGE_PCT` counts from, where it is fixed. */
  readonly referencePrice: number | null;
  readonly repeat: Repeat;
  readonly cooldownS: number;
  readonly expiresAt: string | null;
  readonly note: string;
  /** Ids of channels. Whoever looks at the page is told in any case. */
  readonly channels: readonly string[];
  readonly state: AlertState;
  readonly lastFiredAt: string | null;
  readonly firedCount: number;
}

export function alert(value: unknown): Alert {
  const fields = record(value);
  return {
    id: string(fields["id"]),
    symbol: string(fields["symbol"]),
    name: string(fields["name"]),
    condition: oneOf(CONDITIONS, fields["condition"]),
    threshold: positive(fields["threshold"]),
    reference: oneOf(REFERENCES, fields["reference"]),
    referencePrice: orNull(positive, fields["reference_price"]),
    repeat: oneOf(REPEATS, fields["repeat"]),
    cooldownS: count(fields["cooldown"]),
    expiresAt: orNull(string, fields["expires_at"]),
    note: string(fields["note"]),
    channels: list(fields["notificationChannels"], string),
    state: oneOf(STATES, fields["state"]),
    lastFiredAt: orNull(string, fields["last_fired_at"]),
    firedCount: count(fields["fired_count"]),
  };
}

export const alertPage = page("alerts", alert);

export function positive(value: unknown): number {
  const given = number(value);
  if (given <= 0) throw new MalformedError(`${given} is not above 0`);
  return given;
}
