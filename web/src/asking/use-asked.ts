import { useEffect, useState } from "react";
import { ApiError } from "../api/problem";

/** What was asked for; the last answer stays until the next one comes. */
export interface Asked<T> {
  readonly answer: T | null;
  readonly problem: ApiError | null;
  /** The version that it was asked at; null before the first answer. */
  readonly version: number | null;
}

const NOTHING = { answer: null, problem: null, version: null };

/**
 * Ask now, whenever `ask` or `version` is another, and then every so often while the page is looked at. `ask` must be
 * memoised; null asks nothing.
 */
export function useAsked<T>(
  ask: ((signal: AbortSignal) => Promise<T>) | null,
  everyMs: number | null,
  version = 0,
): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>(NOTHING);
  useEffect(() => {
    if (ask === null) return undefined;
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = () => {
      if (everyMs !== null && !leaving.signal.aborted) timer = setTimeout(next, everyMs);
    };
    const next = async () => {
      if (document.visibilityState === "visible") await once();
      again();
    };
    const once = async () => {
      try {
        const answer = await ask(leaving.signal);
        if (!leaving.signal.aborted) setAsked({ answer, problem: null, version });
      } catch (error) {
        if (leaving.signal.aborted) return;
        if (error instanceof ApiError) setAsked((before) => ({ ...before, problem: error }));
      }
    };
    void once().then(again);
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [ask, everyMs, version]);
  return asked;
}
