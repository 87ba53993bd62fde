import { MalformedError } from "./fields";
import { ApiError } from "./problem";

/** Read an answer. Throws `ApiError` where it is not what it should be. */
export function understood<T>(body: unknown, read: (body: unknown) => T): T {
  try {
    return read(body);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new ApiError(200, "malformed", "The server's answer cannot be read by this page: reload it.");
  }
}
