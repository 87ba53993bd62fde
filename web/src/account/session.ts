import type { AuthApi, Credentials, TokenPair } from "../api/auth";
import { ApiError } from "../api/problem";
import { type KeyValueStore, forgetLogin, readLogin, writeLogin } from "./saved-login";
import { isUsable, renewDelayMs, RETRY_RENEW_MS } from "./token-times";

export type SessionState =
  | { readonly phase: "signed-out"; readonly notice: string | null }
  | { readonly phase: "signed-in"; readonly email: string };

/** Runs the work while no other tab of this page runs its own. */
export type ExclusiveRunner = <T>(work: () => Promise<T>) => Promise<T>;

export interface SessionParts {
  api: AuthApi;
  store: KeyValueStore;
  exclusively: ExclusiveRunner;
  nowMs: () => number;
}

/** There is no login any more: the refresh token is gone or was refused. Asking again does not help. */
export class SignedOutError extends Error {
  override readonly name = "SignedOutError";
}

/**
 * Who is logged in, and a usable access token on demand.
 *
 * A saved refresh token counts as signed in straight away; the first use renews it. Only a refusal by the server signs
 * out: an unreachable server never does.
 */
export class Session {
  private current: SessionState;
  private access: { token: string; expiresAtMs: number } | null = null;
  private renewal: Promise<string> | null = null;
  private renewTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly stateListeners = new Set<() => void>();
  private readonly tokenListeners = new Set<(token: string) => void>();

  constructor(private readonly parts: SessionParts) {
    const saved = readLogin(parts.store);
    this.current = saved === null ? { phase: "signed-out", notice: null } : { phase: "signed-in", email: saved.email };
  }

  readonly state = (): SessionState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  };

  /** Be told each new access token, so that a live connection can hand it on. */
  onToken(listener: (token: string) => void): () => void {
    this.tokenListeners.add(listener);
    return () => this.tokenListeners.delete(listener);
  }

  async login(credentials: Credentials): Promise<void> {
    const email = credentials.email.trim();
    const pair = await this.parts.api.login({ email, password: credentials.password });
    this.accept(email, pair);
    this.become({ phase: "signed-in", email });
  }

  async register(credentials: Credentials): Promise<void> {
    await this.parts.api.register({ email: credentials.email.trim(), password: credentials.password });
    await this.login(credentials);
  }

  /** Forget the login, here and in every other tab. */
  logout(notice: string | null = null): void {
    forgetLogin(this.parts.store);
    this.drop(notice);
  }

  /** Another tab changed the saved login: follow it. */
  followStore(): void {
    const saved = readLogin(this.parts.store);
    if (saved === null) {
      if (this.current.phase === "signed-in") this.drop(null);
    } else if (this.current.phase === "signed-out" || this.current.email !== saved.email) {
      this.access = null;
      this.become({ phase: "signed-in", email: saved.email });
    }
  }

  /** A token that is not about to expire. Throws `SignedOutError`, or a retryable `ApiError`. */
  accessToken({ renew }: { renew: boolean }): Promise<string> {
    const { access } = this;
    if (!renew && access !== null && isUsable(access.expiresAtMs, this.parts.nowMs())) {
      return Promise.resolve(access.token);
    }
    this.renewal ??= this.parts.exclusively(() => this.renew()).finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  private async renew(): Promise<string> {
    // Read inside the lock: another tab may have exchanged the token we last knew.
    const saved = readLogin(this.parts.store);
    if (saved === null) throw new SignedOutError("No saved login.");
    try {
      const pair = await this.parts.api.refresh(saved.refreshToken);
      if (readLogin(this.parts.store)?.email !== saved.email) throw new SignedOutError("Logged out meanwhile.");
      this.accept(saved.email, pair);
      return pair.access_token;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.retryable) {
        this.scheduleRenewal(RETRY_RENEW_MS);
        throw error;
      }
      this.logout(error.message);
      throw new SignedOutError(error.message);
    }
  }

  private accept(email: string, pair: TokenPair): void {
    writeLogin(this.parts.store, { email, refreshToken: pair.refresh_token });
    this.access = { token: pair.access_token, expiresAtMs: this.parts.nowMs() + pair.expires_in * 1000 };
    this.scheduleRenewal(renewDelayMs(pair.expires_in));
    for (const listener of this.tokenListeners) listener(pair.access_token);
  }

  private scheduleRenewal(delayMs: number): void {
    clearTimeout(this.renewTimer);
    this.renewTimer = setTimeout(() => {
      // A failure schedules the next try itself, or has signed out; nobody waits for this one.
      this.accessToken({ renew: true }).catch(() => undefined);
    }, delayMs);
  }

  private drop(notice: string | null): void {
    clearTimeout(this.renewTimer);
    this.access = null;
    this.become({ phase: "signed-out", notice });
  }

  private become(state: SessionState): void {
    this.current = state;
    for (const listener of this.stateListeners) listener();
  }
}
