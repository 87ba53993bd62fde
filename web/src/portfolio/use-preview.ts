import { useCallback } from "react";
import type { Order } from "../api/orders";
import { understood } from "../api/understood";
import { type Tried, useTried } from "../asking/use-tried";
import { useDesk } from "../desk/desk-context";
import { type Preview, preview } from "./preview";

/** What an order would come to, as it is typed. */
export function usePreview(order: Order | null): Tried<Preview> {
  const { portfolios } = useDesk();
  const ask = useCallback(
    async (asked: Order, signal: AbortSignal) => understood(await portfolios.preview(asked, signal), preview),
    [portfolios],
  );
  return useTried(order, ask);
}
