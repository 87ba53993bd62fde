import { useEffect, useState } from "react";
import { understood } from "../api/understood";
import { ApiError } from "../api/problem";
import { useDesk } from "../desk/desk-context";
import { rowsOf } from "./import-result";
import { importOrder } from "./orders";

export interface DryRun {
  /** How many transactions would be recorded; null while nobody knows, and where the file is refused. */
  readonly rows: number | null;
  readonly problem: ApiError | null;
}

const NOTHING: DryRun = { rows: null, problem: null };

/** What importing a file would come to. */
export function useDryRun(portfolio: string, file: Blob | null): DryRun {
  const { portfolios } = useDesk();
  const [run, setRun] = useState<DryRun & { file: Blob | null }>({ ...NOTHING, file: null });
  useEffect(() => {
    if (file === null) return undefined;
    const stale = new AbortController();
    const ask = async () => {
      try {
        const body = await portfolios.preview(importOrder(portfolio, file), stale.signal);
        if (!stale.signal.aborted) setRun({ rows: understood(body, rowsOf), problem: null, file });
      } catch (error) {
        if (!stale.signal.aborted && error instanceof ApiError) setRun({ rows: null, problem: error, file });
      }
    };
    void ask();
    return () => stale.abort();
  }, [portfolios, portfolio, file]);
  return run.file === file ? run : NOTHING;
}
