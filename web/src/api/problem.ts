/** An answer that is not a success, with the fields of the server's problem document (RFC 9457). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** HTTP status; 0 when no answer came at all. */
    readonly status: number,
    /** The server's machine-readable code, or "unreachable". */
    readonly code: string,
    /** The server's own sentence, fit to be shown. */
    detail: string,
    /** The request field that the server refused, if it named one. */
    readonly field: string | null = null,
    /** All members of the document: some codes have their own. */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }

  /** Whether asking again later may succeed: no answer, a busy or a broken server. */
  get retryable(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Read an error body. Anything that is not a problem document still yields a sentence. */
export function problemFrom(status: number, body: unknown): ApiError {
  const fields = isRecord(body) ? body : {};
  const text = (name: string): string | null => {
    const value = fields[name];
    return typeof value === "string" && value !== "" ? value : null;
  };
  const detail = text("detail") ?? text("title") ?? `The server answered with status ${status}.`;
  return new ApiError(status, text("code") ?? "http_error", detail, text("field"), fields);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
