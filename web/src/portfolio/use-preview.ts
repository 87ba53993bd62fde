import { useEffect, useState } from "react";
import { type Order, understood } from "../api/portfolios";
import { ApiError } from "../api/problem";
import { useDesk } from "../desk/desk-context";
import { type Preview, preview } from "./preview";

const PAUSE_MS = 300;

export interface Previewed {
  readonly preview: Preview | null;
  readonly problem: ApiError | null;
}

const NOTHING: Previewed = { preview: null, problem: null };

/** What an order would come to: asked after a short pause, and dropped when the next question comes. */
export function usePreview(order: Order | null): Previewed {
  const { portfolios } = useDesk();
  const literal = order === null ? null : JSON.stringify(order);
  const [asked, setAsked] = useState<{ literal: string | null; previewed: Previewed }>({
    literal: null,
    previewed: NOTHING,
  });
  useEffect(() => {
    if (literal === null) return undefined;
    const stale = new AbortController();
    const show = (previewed: Previewed) => !stale.signal.aborted && setAsked({ literal, previewed });
    const timer = setTimeout(async () => {
      try {
        const body = await portfolios.preview(JSON.parse(literal) as Order, stale.signal);
        show({ preview: understood(body, preview), problem: null });
      } catch (error) {
        if (error instanceof ApiError) show({ preview: null, problem: error });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stale.abort();
    };
  }, [portfolios, literal]);
  return asked.literal === literal ? asked.previewed : NOTHING;
}
