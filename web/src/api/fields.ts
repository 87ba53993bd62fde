/** Checks of what a server sent: each gives the value its type, or refuses it. */

export type Fields = Readonly<Record<string, unknown>>;

/** A message is not what the protocol says; nothing of it is used. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

export function oneOf<T extends string>(names: readonly T[], value: unknown): T {
  const name = names.find((each) => each === value);
  if (name === undefined) throw new MalformedError(`${String(value)} is none of ${names.join(", ")}`);
  return name;
}

export function record(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new MalformedError("not an object");
}

export function list<T>(value: unknown, item: (value: unknown) => T): T[] {
  if (!Array.isArray(value)) throw new MalformedError("not a list");
  return value.map(item);
}

export function string(value: unknown): string {
  if (typeof value !== "string") throw new MalformedError("not a string");
  return value;
}

export function number(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new MalformedError("not a number");
  return value;
}

/** Not negative, whole, and below 2^53, where a float64 is exact. */
export function count(value: unknown): number {
  const given = number(value);
  if (given < 0 || !Number.isSafeInteger(given)) throw new MalformedError(`${given} counts nothing`);
  return given;
}

export function orNull<T>(read: (value: unknown) => T, value: unknown): T | null {
  return value === null ? null : read(value);
}
