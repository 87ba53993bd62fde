import { type Fields, count, list, record, string } from "../api/fields";
import type { ApiError } from "../api/problem";

/** What is wrong with one line of a file, counted from 1. */
export interface LineProblem {
  readonly line: number;
  /** The column; "" where it is the line as a whole. */
  readonly field: string;
  readonly reason: string;
}

/** How many transactions a file has, of which none is wrong. */
export function rowsOf(body: unknown): number {
  return count(record(body)["rows"]);
}

/** Every line that was refused; none where something else was. */
export function lineProblems({ members }: ApiError): readonly LineProblem[] {
  return "problems" in members ? list(members["problems"], lineProblem) : [];
}

function lineProblem(value: unknown): LineProblem {
  const fields: Fields = record(value);
  return { line: count(fields["line"]), field: string(fields["field"]), reason: string(fields["reason"]) };
}
