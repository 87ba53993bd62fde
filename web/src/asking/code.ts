import { backoffMs } from "../stream/backoff";

const MOST_TRIES = 8; // over half a minute to a minute: longer than a server takes to come back

/**
 * Load a part of the page's code that comes later, again where the server was away meanwhile. Rejects once it was tried
 * often enough, or when `signal` says that nobody waits any more. Some browsers remember a failure until the page is
 * loaded anew (https://github.com/whatwg/html/issues/6768). `tries` counts this one.
 */
export async function code<Part>(load: () => Promise<Part>, signal: AbortSignal, tries = 1): Promise<Part> {
  try {
    return await load();
  } catch (error) {
    if (tries === MOST_TRIES) throw error;
    await pause(backoffMs(tries, 0.5 + Math.random() / 2));
    signal.throwIfAborted();
    return code(load, signal, tries + 1);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
