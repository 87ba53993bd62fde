import { useCallback, useState } from "react";
import type { Page } from "../api/pages";
import { type Asked, useAsked } from "./use-asked";

export type AskPage<T> = (before: string | null, signal: AbortSignal) => Promise<Page<T>>;

export type Pages<T> = Asked<Page<T>> & { readonly loadOlder: () => void };

/** The newest of a long list, asked anew as `useAsked` does, and how to have older ones. `ask` must be memoised. */
export function usePages<T>(ask: AskPage<T>, everyMs: number | null, version: number): Pages<T> {
  const [pages, setPages] = useState(1);
  const askAll = useCallback((signal: AbortSignal) => newest(ask, pages, null, signal), [ask, pages]);
  const asked = useAsked(askAll, everyMs, version);
  const loadOlder = useCallback(() => setPages((before) => before + 1), []);
  return { ...asked, loadOlder };
}

/** So many pages as one: any item may have changed, so that pages had at different times do not fit together. */
async function newest<T>(ask: AskPage<T>, pages: number, before: string | null, signal: AbortSignal): Promise<Page<T>> {
  const page = await ask(before, signal);
  if (pages === 1 || page.next === null) return page;
  const older = await newest(ask, pages - 1, page.next, signal);
  return { items: page.items.concat(older.items), next: older.next };
}
