import { list, orNull, record, string } from "./fields";

/** A part of a long list. */
export interface Page<T> {
  /** Newest first. */
  readonly items: readonly T[];
  /** What the next page is asked for with; null: this is the last. */
  readonly next: string | null;
}

/** Read an answer whose items stand under a name. */
export function page<T>(name: string, item: (value: unknown) => T): (body: unknown) => Page<T> {
  return (body) => {
    const fields = record(body);
    return { items: list(fields[name], item), next: orNull(string, fields["next"]) };
  };
}
