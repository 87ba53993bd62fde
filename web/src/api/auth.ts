import { requestJson } from "./http";

export interface Credentials {
  email: string;
  password: string;
}

export interface TokenPair {
  access_token: string;
  /** Seconds the access token lives. */
  expires_in: number;
  refresh_token: string;
  refresh_expires_in: number;
}

export interface AuthApi {
  register(credentials: Credentials): Promise<void>;
  login(credentials: Credentials): Promise<TokenPair>;
  refresh(refreshToken: string): Promise<TokenPair>;
}

export function authApi(origin: string): AuthApi {
  const post = <T>(path: string, body: unknown) => requestJson<T>(`${origin}${path}`, { method: "POST", body });
  return {
    register: (credentials) => post<void>("/auth/register", credentials),
    login: (credentials) => post<TokenPair>("/auth/login", credentials),
    refresh: (refreshToken) => post<TokenPair>("/auth/refresh", { refresh_token: refreshToken }),
  };
}
