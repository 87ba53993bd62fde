import { type Channel, type ChannelTest, type Channels, channel, channelTest, channels } from "../alerts/channels";
import { type Firing, firingPage } from "../alerts/firings";
import type { RuleFields } from "../alerts/rule-form";
import { type RulePreview, rulePreview } from "../alerts/rule-preview";
import { type Alert, type AlertState, alertPage } from "../alerts/rules";
import { type TokenSource, authorized } from "./authorized";
import { record, string } from "./fields";
import { type RequestOptions, requestJson } from "./http";
import type { Page } from "./pages";
import { understood } from "./understood";

export interface AlertFilter {
  readonly symbol?: string;
  readonly state?: AlertState;
}

/** A channel that was made; a webhook's has the secret that its messages are signed with, which is told only here. */
export interface MadeChannel {
  readonly channel: Channel;
  readonly secret: string | null;
}

export interface AlertsApi {
  /** The newest alerts, or those that follow a page. */
  list(filter: AlertFilter, before: string | null, signal?: AbortSignal): Promise<Page<Alert>>;
  /** The newest firings of one alert or of all, or those that follow a page. */
  history(alert: string | null, before: string | null, signal?: AbortSignal): Promise<Page<Firing>>;
  preview(rule: RuleFields, signal?: AbortSignal): Promise<RulePreview>;
  /** These were looked at. */
  seen(ids: readonly string[] | "all"): Promise<void>;
  channels(signal?: AbortSignal): Promise<Channels>;
  addChannel(fields: Readonly<Record<string, unknown>>): Promise<MadeChannel>;
  verify(channel: string, code: string): Promise<void>;
  /** Have another code sent, or a challenge. */
  sendCode(channel: string): Promise<void>;
  /** Have a test sent. Answers its id. */
  test(channel: string): Promise<string>;
  tested(channel: string, test: string, signal?: AbortSignal): Promise<ChannelTest>;
  /** The key that this installation's messages to browsers are signed with. */
  pushKey(): Promise<string>;
}

const PAGE = 50;

export function alertsApi(origin: string, tokens: TokenSource): AlertsApi {
  const ask = (path: string, options: RequestOptions): Promise<unknown> =>
    authorized(tokens, (token) => requestJson<unknown>(`${origin}${path}`, { ...options, token }));
  const get = async <T>(path: string, read: (body: unknown) => T, signal?: AbortSignal): Promise<T> =>
    understood(await ask(path, { signal }), read);
  const post = (path: string, body?: unknown): Promise<unknown> => ask(path, { method: "POST", body });
  return {
    list: (filter, before, signal) => get(`/alerts?${pageQuery(before, { ...filter })}`, alertPage, signal),
    history: (alert, before, signal) => get(`${historyPath(alert)}?${pageQuery(before)}`, firingPage, signal),
    preview: async (rule, signal) =>
      understood(await ask("/alerts/preview", { method: "POST", body: rule, signal }), rulePreview),
    seen: async (ids) => void (await post("/alerts/seen", ids === "all" ? { all: true } : { ids })),
    channels: (signal) => get("/alert-channels", channels, signal),
    addChannel: async (fields) => understood(await post("/alert-channels", fields), madeChannel),
    verify: async (id, code) => void (await post(`${channelPath(id)}/verify`, { code })),
    sendCode: async (id) => void (await post(`${channelPath(id)}/code`)),
    test: async (id) => understood(await post(`${channelPath(id)}/test`), (body) => string(record(body)["test"])),
    tested: (id, test, signal) => get(`${channelPath(id)}/tests/${encodeURIComponent(test)}`, channelTest, signal),
    pushKey: () => get("/alert-channels/webpush-key", (body) => string(record(body)["key"])),
  };
}

function pageQuery(before: string | null, filter: Readonly<Record<string, string>> = {}): URLSearchParams {
  const query = new URLSearchParams({ limit: String(PAGE), ...filter });
  if (before !== null) query.set("before", before);
  return query;
}

function historyPath(alert: string | null): string {
  return alert === null ? "/alerts/history" : `/alerts/${encodeURIComponent(alert)}/history`;
}

export function channelPath(id: string): string {
  return `/alert-channels/${encodeURIComponent(id)}`;
}

function madeChannel(body: unknown): MadeChannel {
  const { secret } = record(body);
  return { channel: channel(body), secret: typeof secret === "string" ? secret : null };
}
