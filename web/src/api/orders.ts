import { type TokenSource, authorized } from "./authorized";
import { record, string } from "./fields";
import { type Answer, type RequestOptions, request } from "./http";
import { understood } from "./understood";

/** Something that the platform is to carry out, once. */
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

export interface OrdersApi {
  /** The same key again gets the first answer, and does nothing. */
  give(order: Order, key: string): Promise<Outcome>;
  outcome(command: string): Promise<Outcome>;
}

const ACCEPTED = 202;

export function ordersApi(origin: string, tokens: TokenSource): OrdersApi {
  const ask = (path: string, options: RequestOptions): Promise<Answer> =>
    authorized(tokens, (token) => request(`${origin}${path}`, { ...options, token }));
  return {
    give: async ({ path, ...order }, key) => outcome(await ask(path, { ...order, key })),
    outcome: async (command) => outcome(await ask(`/commands/${encodeURIComponent(command)}`, {})),
  };
}

function outcome({ status, body }: Answer): Outcome {
  if (status !== ACCEPTED) return { state: "done", body };
  return { state: "accepted", command: understood(body, (given) => string(record(given)["command"])) };
}
