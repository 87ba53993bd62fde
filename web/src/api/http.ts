import { ApiError, problemFrom } from "./problem";

const REQUEST_TIMEOUT_MS = 10_000;

export interface RequestOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, instead of a body. */
  csv?: Blob;
  /** The server carries out what comes under one key once. */
  key?: string;
  token?: string;
  signal?: AbortSignal | undefined;
}

/** What a server answered; the body is null where there is none, or none in JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** One JSON request. Throws `ApiError`, or the signal's own `AbortError` when the caller gave up. */
export async function requestJson<T>(url: string, options: RequestOptions = {}): Promise<T> {
  return (await request(url, options)).body as T;
}

/** One JSON request whose status says something, too. Throws as `requestJson` does. */
export async function request(url: string, options: RequestOptions = {}): Promise<Answer> {
  const response = await send(url, "application/json", options);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, body);
  return { status: response.status, body };
}

/** Have a file. Throws as `requestJson` does. */
export async function requestFile(url: string, type: string, options: RequestOptions = {}): Promise<Blob> {
  const response = await send(url, type, options);
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => null));
  return response.blob();
}

async function send(url: string, accept: string, options: RequestOptions): Promise<Response> {
  const { method = "GET", body, csv, key, token, signal } = options;
  const headers = new Headers({ accept });
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (key !== undefined) headers.set("idempotency-key", key);
  const init: RequestInit = { method, headers, signal: withTimeout(signal) };
  if (csv !== undefined) {
    headers.set("content-type", "text/csv");
    init.body = csv;
  } else if (body !== undefined) {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(url, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "unreachable", "The server cannot be reached.");
  }
}

function withTimeout(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}
