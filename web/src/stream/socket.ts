import type { ClientMessage } from "./messages";

export interface SocketHandlers {
  onText(text: string): void;
  onClosed(code: number): void;
}

export interface StreamSocket {
  send(message: ClientMessage): void;
  /** Close and stay silent: no handler is called any more. */
  drop(): void;
}

/** The token travels as a subprotocol: the one header a browser lets a page set, and not in any access log. */
export function openSocket(url: string, token: string, handlers: SocketHandlers): StreamSocket {
  const socket = new WebSocket(url, ["tickmesh.json", `bearer.${token}`]);
  const silence = new AbortController();
  const { signal } = silence;
  socket.addEventListener("message", ({ data }) => typeof data === "string" && handlers.onText(data), { signal });
  socket.addEventListener("close", ({ code }) => handlers.onClosed(code), { signal });
  return {
    send: (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    drop: () => {
      silence.abort();
      socket.close();
    },
  };
}

/** `/stream` beside the page, with the scheme that suits it. */
export function streamUrl(origin: string): string {
  return `${origin.replace(/^http/, "ws")}/stream`;
}
