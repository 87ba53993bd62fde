import { useCallback, useState } from "react";
import type { PortfoliosApi } from "../api/portfolios";
import { type Asked, useAsked } from "../asking/use-asked";
import { useDesk } from "../desk/desk-context";
import type { TransactionPage } from "./transactions";

/** What is on record, newest first, asked anew with every revision of the portfolio; and how to have older pages. */
export function useTransactions(id: string, revision: number): Asked<TransactionPage> & { loadOlder: () => void } {
  const { portfolios } = useDesk();
  const [pages, setPages] = useState(1);
  const ask = useCallback(
    (signal: AbortSignal) => newest(portfolios, id, pages, null, signal),
    [portfolios, id, pages],
  );
  const asked = useAsked(ask, null, revision);
  const loadOlder = useCallback(() => setPages((before) => before + 1), []);
  return { ...asked, loadOlder };
}

/** So many pages as one: a correction may stand anywhere, so that pages had at different times do not fit together. */
async function newest(
  api: PortfoliosApi,
  id: string,
  pages: number,
  before: string | null,
  signal: AbortSignal,
): Promise<TransactionPage> {
  const page = await api.transactions(id, before, signal);
  if (pages === 1 || page.next === null) return page;
  const older = await newest(api, id, pages - 1, page.next, signal);
  return { transactions: page.transactions.concat(older.transactions), next: older.next };
}
