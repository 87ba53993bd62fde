import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { authApi } from "../api/auth";
import { type KeyValueStore, readLogin, writeLogin } from "./saved-login";
import { Session, SignedOutError } from "./session";

/** A real HTTP server that gives out numbered token pairs, or the problem it is told to give. */
class TokenServer {
  readonly requests: { path: string; body: Record<string, string> }[] = [];
  problem: { status: number; detail: string } | null = null;
  expiresInS = 600;
  private readonly server: Server = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => (text += String(part)));
    request.on("end", () => {
      this.requests.push({ path: request.url ?? "", body: JSON.parse(text) });
      const { status, ...problem } = this.problem ?? { status: 200 };
      const number = this.requests.length;
      const pair = { access_token: `access-${number}`, refresh_token: `refresh-${number}`, expires_in: this.expiresInS };
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(this.problem === null ? pair : problem));
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function memoryStore(): KeyValueStore {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

const EMAIL = "ann@example.com";
let server: TokenServer;
let origin: string;
let store: KeyValueStore;
let nowMs: number;
let opened: Session[];

const open = () => {
  const parts = { api: authApi(origin), store, exclusively: <T>(work: () => Promise<T>) => work(), nowMs: () => nowMs };
  const session = new Session(parts);
  opened.push(session);
  return session;
};
const openSaved = () => {
  writeLogin(store, { email: EMAIL, refreshToken: "saved" });
  return open();
};

beforeEach(async () => {
  server = new TokenServer();
  origin = await server.start();
  store = memoryStore();
  nowMs = 1_000_000;
  opened = [];
});

afterEach(async () => {
  // Logging out ends the timers of silent renewals.
  opened.forEach((session) => session.logout());
  await server.stop();
});

describe("logging in", () => {
  it("keeps the access token in memory and saves the refresh token", async () => {
    const session = open();
    await session.login({ email: ` ${EMAIL} `, password: "secret" });
    expect(session.state()).toEqual({ phase: "signed-in", email: EMAIL });
    expect(readLogin(store)).toEqual({ email: EMAIL, refreshToken: "refresh-1" });
    expect(store.getItem("tickmesh.login")).not.toContain("access");
    expect(await session.accessToken({ renew: false })).toBe("access-1");
  });

  it("hands the server's sentence on, and stays signed out", async () => {
    server.problem = { status: 401, detail: "The email or the password is wrong." };
    const session = open();
    await expect(session.login({ email: EMAIL, password: "x" })).rejects.toThrow("The email or the password is wrong.");
    expect(session.state().phase).toBe("signed-out");
  });

  it("registers, then logs in", async () => {
    await open().register({ email: EMAIL, password: "secret" });
    expect(server.requests.map((request) => request.path)).toEqual(["/auth/register", "/auth/login"]);
  });
});

describe("renewing", () => {
  it("is signed in with a saved login, and renews at the first use", async () => {
    const session = openSaved();
    expect(session.state()).toEqual({ phase: "signed-in", email: EMAIL });
    expect(await session.accessToken({ renew: false })).toBe("access-1");
    expect(server.requests[0]?.body).toEqual({ refresh_token: "saved" });
    expect(readLogin(store)?.refreshToken).toBe("refresh-1");
  });

  it("spends the refresh token once, however many ask at the same time", async () => {
    const session = openSaved();
    const tokens = await Promise.all([1, 2, 3].map(() => session.accessToken({ renew: true })));
    expect(new Set(tokens)).toEqual(new Set(["access-1"]));
    expect(server.requests).toHaveLength(1);
  });

  it("renews a token that is about to expire", async () => {
    const session = openSaved();
    await session.accessToken({ renew: false });
    nowMs += 590_000;
    expect(await session.accessToken({ renew: false })).toBe("access-2");
  });

  it("spends the token that another tab saved meanwhile", async () => {
    const session = openSaved();
    writeLogin(store, { email: EMAIL, refreshToken: "newer" });
    await session.accessToken({ renew: false });
    expect(server.requests[0]?.body).toEqual({ refresh_token: "newer" });
  });

  it("tells listeners of each new token", async () => {
    const session = openSaved();
    const heard = vi.fn<(token: string) => void>();
    const leave = session.onToken(heard);
    await session.accessToken({ renew: true });
    leave();
    await session.accessToken({ renew: true });
    expect(heard.mock.calls).toEqual([["access-1"]]);
  });
});

describe("failing to renew", () => {
  it("signs out with the server's sentence when refused", async () => {
    server.problem = { status: 401, detail: "This login was used elsewhere." };
    const session = openSaved();
    await expect(session.accessToken({ renew: false })).rejects.toThrow(SignedOutError);
    expect(session.state()).toEqual({ phase: "signed-out", notice: "This login was used elsewhere." });
    expect(readLogin(store)).toBeNull();
  });

  it("stays signed in while the server is in trouble", async () => {
    server.problem = { status: 503, detail: "Starting." };
    const session = openSaved();
    await expect(session.accessToken({ renew: false })).rejects.toMatchObject({ status: 503, retryable: true });
    expect(session.state().phase).toBe("signed-in");
    server.problem = null;
    expect(await session.accessToken({ renew: false })).toBe("access-2");
  });

  it("stays signed in while the server cannot be reached", async () => {
    const session = openSaved();
    await server.stop();
    await expect(session.accessToken({ renew: false })).rejects.toMatchObject({ code: "unreachable" });
    expect(readLogin(store)?.refreshToken).toBe("saved");
    origin = await server.start();
  });

  it("does not come back to life when logged out meanwhile", async () => {
    const session = openSaved();
    const renewal = session.accessToken({ renew: true });
    session.logout();
    await expect(renewal).rejects.toThrow(SignedOutError);
    expect(readLogin(store)).toBeNull();
  });
});

describe("other tabs", () => {
  it("follows a logout", () => {
    const session = openSaved();
    store.removeItem("tickmesh.login");
    session.followStore();
    expect(session.state()).toEqual({ phase: "signed-out", notice: null });
  });

  it("follows a login, also of somebody else", () => {
    const session = open();
    writeLogin(store, { email: EMAIL, refreshToken: "a" });
    session.followStore();
    expect(session.state()).toEqual({ phase: "signed-in", email: EMAIL });
    writeLogin(store, { email: "bob@example.com", refreshToken: "b" });
    session.followStore();
    expect(session.state()).toEqual({ phase: "signed-in", email: "bob@example.com" });
  });
});
