import { type Performance, performance } from "../portfolio/performance";
import { type Transaction, transactionPage } from "../portfolio/transactions";
import { type Totals, type Valuation, totals, valuation } from "../portfolio/valuation";
import { type TokenSource, authorized } from "./authorized";
import { list, record } from "./fields";
import { type Answer, type RequestOptions, request, requestFile } from "./http";
import type { Order } from "./orders";
import type { Page } from "./pages";
import { understood } from "./understood";

export interface PortfoliosApi {
  /** All of the user's, in the order in which they were opened. */
  list(signal?: AbortSignal): Promise<readonly Totals[]>;
  valuation(id: string, signal?: AbortSignal): Promise<Valuation>;
  /** The newest transactions, or those that follow a page. */
  transactions(id: string, before: string | null, signal?: AbortSignal): Promise<Page<Transaction>>;
  performance(id: string, signal?: AbortSignal): Promise<Performance>;
  /** All transactions that take effect, as a file that can be imported. */
  exported(id: string): Promise<Blob>;
  /** What an order would come to; nothing is carried out. */
  preview(order: Order, signal?: AbortSignal): Promise<unknown>;
}

const PAGE_TRANSACTIONS = 50;

export function portfoliosApi(origin: string, tokens: TokenSource): PortfoliosApi {
  const ask = (path: string, options: RequestOptions): Promise<Answer> =>
    authorized(tokens, (token) => request(`${origin}${path}`, { ...options, token }));
  const get = async <T>(path: string, read: (body: unknown) => T, signal?: AbortSignal): Promise<T> =>
    understood((await ask(path, { signal })).body, read);
  return {
    list: (signal) => get("/portfolios", (body) => list(record(body)["portfolios"], totals), signal),
    valuation: (id, signal) => get(pathOf(id), valuation, signal),
    transactions: (id, before, signal) => {
      const query = new URLSearchParams({ limit: String(PAGE_TRANSACTIONS) });
      if (before !== null) query.set("before", before);
      return get(`${pathOf(id)}/transactions?${query}`, transactionPage, signal);
    },
    performance: (id, signal) => get(`${pathOf(id)}/performance`, performance, signal),
    exported: (id) =>
      authorized(tokens, (token) => requestFile(`${origin}${pathOf(id)}/transactions`, "text/csv", { token })),
    preview: async ({ path, ...order }, signal) => (await ask(`${path}?dry_run=true`, { ...order, signal })).body,
  };
}

function pathOf(id: string): string {
  return `/portfolios/${encodeURIComponent(id)}`;
}
