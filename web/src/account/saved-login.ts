/**
 * The refresh token, kept in localStorage.
 *
 * localStorage and not sessionStorage: traders keep several windows open, and a login should serve all of them and
 * survive a restart of the browser. Neither store is safer against a script injected into the page, and duplicating a
 * tab copies sessionStorage, after which two tabs would spend the same one-time refresh token. Here all tabs share one
 * newest token, and `session.ts` takes a lock across tabs before it spends it. The access token stays in memory.
 */
export interface SavedLogin {
  email: string;
  refreshToken: string;
}

/** The three calls of the browser's `Storage` that the page uses. */
export type KeyValueStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export const SAVED_LOGIN_KEY = "tickmesh.login";

export function readLogin(store: KeyValueStore): SavedLogin | null {
  return parseLogin(store.getItem(SAVED_LOGIN_KEY));
}

export function writeLogin(store: KeyValueStore, login: SavedLogin): void {
  store.setItem(SAVED_LOGIN_KEY, JSON.stringify(login));
}

export function forgetLogin(store: KeyValueStore): void {
  store.removeItem(SAVED_LOGIN_KEY);
}

/** Whatever is not a complete saved login counts as none. */
export function parseLogin(text: string | null): SavedLogin | null {
  if (text === null) return null;
  try {
    const { email, refreshToken } = JSON.parse(text) as Partial<SavedLogin>;
    return typeof email === "string" && typeof refreshToken === "string" ? { email, refreshToken } : null;
  } catch {
    return null;
  }
}
