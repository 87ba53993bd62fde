import { type Performance, performance } from "../portfolio/performance";
import { type TransactionPage, transactionPage } from "../portfolio/transactions";
import { type Totals, type Valuation, totals, valuation } from "../portfolio/valuation";
import { type TokenSource, authorized } from "./authorized";
import { MalformedError, list, record, string } from "./fields";
import { type Answer, type RequestOptions, request, requestFile } from "./http";
import { ApiError } from "./problem";

/** Something that the ledger is to carry out, once. */
export interface Order {
  readonly method: "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** A file of transactions, in place of a body. */
  readonly csv?: Blob;
}

/** Decided, with what was answered; or accepted, to be looked up under the command's id. */
export type Outcome =
  | { readonly state: "done"; readonly body: unknown }
  | { readonly state: "accepted"; readonly command: string };

export interface PortfoliosApi {
  /** All of the user's, in the order in which they were opened. */
  list(signal?: AbortSignal): Promise<readonly Totals[]>;
  valuation(id: string, signal?: AbortSignal): Promise<Valuation>;
  /** The newest transactions, or those that follow a page. */
  transactions(id: string, before: string | null, signal?: AbortSignal): Promise<TransactionPage>;
  performance(id: string, signal?: AbortSignal): Promise<Performance>;
  /** All transactions that take effect, as a file that can be imported. */
  exported(id: string): Promise<Blob>;
  /** What an order would come to; nothing is carried out. */
  preview(order: Order, signal?: AbortSignal): Promise<unknown>;
  /** The same key again gets the first answer, and does nothing. */
  give(order: Order, key: string): Promise<Outcome>;
  outcome(command: string): Promise<Outcome>;
}

const ACCEPTED = 202;
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
    give: async ({ path, ...order }, key) => outcome(await ask(path, { ...order, key })),
    outcome: async (command) => outcome(await ask(`/commands/${encodeURIComponent(command)}`, {})),
  };
}

function pathOf(id: string): string {
  return `/portfolios/${encodeURIComponent(id)}`;
}

function outcome({ status, body }: Answer): Outcome {
  if (status !== ACCEPTED) return { state: "done", body };
  return { state: "accepted", command: understood(body, (given) => string(record(given)["command"])) };
}

/** Read an answer. Throws `ApiError` where it is not what it should be. */
export function understood<T>(body: unknown, read: (body: unknown) => T): T {
  try {
    return read(body);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new ApiError(200, "malformed", "The server's answer cannot be read by this page: reload it.");
  }
}
