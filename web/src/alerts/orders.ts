import { channelPath } from "../api/alerts";
import type { Order } from "../api/orders";
import type { RuleFields } from "./rule-form";

/** What can be asked of alerts. */

export function createOrder(fields: RuleFields): Order {
  return { method: "POST", path: "/alerts", body: fields };
}

export function editOrder(id: string, changes: RuleFields): Order {
  return { method: "PATCH", path: pathOf(id), body: changes };
}

export function pauseOrder(id: string): Order {
  return { method: "POST", path: `${pathOf(id)}/pause` };
}

/** A price that is beyond the line has to come back before it fires. */
export function resumeOrder(id: string): Order {
  return { method: "POST", path: `${pathOf(id)}/resume` };
}

/** As it fired, the price is most likely still beyond the line: it has to come back before it fires again. */
export function rearmOrder(id: string): Order {
  return { method: "POST", path: `${pathOf(id)}/rearm`, body: { if_true: "wait" } };
}

export function deleteOrder(id: string): Order {
  return { method: "DELETE", path: pathOf(id) };
}

export function removeChannelOrder(id: string): Order {
  return { method: "DELETE", path: channelPath(id) };
}

function pathOf(id: string): string {
  return `/alerts/${encodeURIComponent(id)}`;
}
