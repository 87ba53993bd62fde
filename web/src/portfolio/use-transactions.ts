import { useCallback } from "react";
import { type Pages, usePages } from "../asking/use-pages";
import { useDesk } from "../desk/desk-context";
import type { Transaction } from "./transactions";

/** What is on record, newest first, asked anew with every revision of the portfolio; and how to have older pages. */
export function useTransactions(id: string, revision: number): Pages<Transaction> {
  const { portfolios } = useDesk();
  const ask = useCallback(
    (before: string | null, signal: AbortSignal) => portfolios.transactions(id, before, signal),
    [portfolios, id],
  );
  return usePages(ask, null, revision);
}
