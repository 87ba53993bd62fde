import type { Order } from "../api/portfolios";
import { type Kind, type Values, requestOf } from "./kinds";

/** What the ledger can be asked to do. */

export function createOrder(name: string, currency: string): Order {
  return { method: "POST", path: "/portfolios", body: { name, currency } };
}

export function renameOrder(id: string, name: string): Order {
  return { method: "PATCH", path: `/portfolios/${id}`, body: { name } };
}

export function closeOrder(id: string): Order {
  return { method: "DELETE", path: `/portfolios/${id}` };
}

export function recordOrder(id: string, kind: Kind, values: Values): Order {
  return { method: "POST", path: `/portfolios/${id}/holdings`, body: requestOf(kind, values) };
}

export function correctOrder(id: string, transaction: string, kind: Kind, values: Values): Order {
  return { method: "POST", path: correctionsOf(id, transaction), body: requestOf(kind, values) };
}

export function voidOrder(id: string, transaction: string): Order {
  return { method: "POST", path: correctionsOf(id, transaction), body: { void: true } };
}

export function importOrder(id: string, csv: string): Order {
  return { method: "POST", path: `/portfolios/${id}/imports`, csv };
}

function correctionsOf(id: string, transaction: string): string {
  return `/portfolios/${id}/transactions/${transaction}/corrections`;
}
