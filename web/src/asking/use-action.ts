import { useState } from "react";
import { ApiError } from "../api/problem";

export interface Action {
  readonly isBusy: boolean;
  /** Why the last one failed. */
  readonly problem: ApiError | null;
  /** Do it; `onDone` hears what came of it. */
  readonly run: <T>(act: () => Promise<T>, onDone: (answer: T) => void) => Promise<void>;
}

/** Something that is asked of the server once, and may be refused. */
export function useAction(): Action {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const run = async <T>(act: () => Promise<T>, onDone: (answer: T) => void) => {
    setBusy(true);
    setProblem(null);
    try {
      onDone(await act());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, problem, run };
}
