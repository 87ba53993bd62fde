import type { Connection } from "./connection";

/** What the page says about the connection, and tests read from `data-state`. */
export type ConnectionLabel = "connecting" | "live" | "reconnecting" | "upstream-reconnecting" | "offline";

export interface ConnectionView {
  readonly label: ConnectionLabel;
  /** When the next try comes, by this machine's clock; null when none is waiting. */
  readonly retryAtMs: number | null;
}

export function viewOf(state: Connection): ConnectionView {
  switch (state.phase) {
    case "stopped":
      return { label: "offline", retryAtMs: null };
    case "connecting":
      return { label: state.attempt === 0 ? "connecting" : "reconnecting", retryAtMs: null };
    case "live":
      return { label: state.upstream === "live" ? "live" : "upstream-reconnecting", retryAtMs: null };
    case "waiting":
      return { label: "reconnecting", retryAtMs: state.deadlineMs };
  }
}

export function sameView(a: ConnectionView, b: ConnectionView): boolean {
  return a.label === b.label && a.retryAtMs === b.retryAtMs;
}
