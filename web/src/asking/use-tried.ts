import { useEffect, useState } from "react";
import { ApiError } from "../api/problem";

const PAUSE_MS = 300;

export interface Tried<T> {
  readonly answer: T | null;
  readonly problem: ApiError | null;
}

const NOTHING = { answer: null, problem: null };

/**
 * What something that is being typed would come to: asked after a short pause, and dropped when the next question
 * comes. Questions are plain values, told apart by their JSON; null asks nothing. `ask` must be memoised.
 */
export function useTried<Q, T>(question: Q | null, ask: (question: Q, signal: AbortSignal) => Promise<T>): Tried<T> {
  const literal = question === null ? null : JSON.stringify(question);
  const [tried, setTried] = useState<{ literal: string | null } & Tried<T>>({ literal: null, ...NOTHING });
  useEffect(() => {
    if (literal === null) return undefined;
    const stale = new AbortController();
    const show = (outcome: Tried<T>) => !stale.signal.aborted && setTried({ literal, ...outcome });
    const timer = setTimeout(async () => {
      try {
        show({ answer: await ask(JSON.parse(literal) as Q, stale.signal), problem: null });
      } catch (error) {
        if (error instanceof ApiError) show({ answer: null, problem: error });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stale.abort();
    };
  }, [ask, literal]);
  return tried.literal === literal ? tried : NOTHING;
}
