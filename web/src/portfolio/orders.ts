import type { Order } from "../api/orders";
import type { TransactionFields } from "./kinds";

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

export function recordOrder(id: string, fields: TransactionFields): Order {
  return { method: "POST", path: `/portfolios/${id}/holdings`, body: fields };
}

export function correctOrder(id: string, transaction: string, fields: TransactionFields): Order {
  return { method: "POST", path: correctionsOf(id, transaction), body: fields };
}

export function voidOrder(id: string, transaction: string): Order {
  return { method: "POST", path: correctionsOf(id, transaction), body: { void: true } };
}

export function importOrder(id: string, csv: Blob): Order {
  return { method: "POST", path: `/portfolios/${id}/imports`, csv };
}

function correctionsOf(id: string, transaction: string): string {
  return `/portfolios/${id}/transactions/${transaction}/corrections`;
}
