import { ApiError } from "./problem";

export interface TokenSource {
  accessToken(options: { renew: boolean }): Promise<string>;
}

/** Make a request with a token. A refused token is renewed once, then the request is made once more. */
export async function authorized<T>(tokens: TokenSource, attempt: (token: string) => Promise<T>): Promise<T> {
  try {
    return await attempt(await tokens.accessToken({ renew: false }));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return attempt(await tokens.accessToken({ renew: true }));
    throw error;
  }
}
