import { list, oneOf, record, string } from "../api/fields";

export const CHANNEL_KINDS = ["email", "webpush", "sms", "webhook", "apprise"] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

export const CHANNEL_STATES = ["unverified", "verified", "broken"] as const;
export type ChannelState = (typeof CHANNEL_STATES)[number];

/** `failed`: it is tried again. */
export const TEST_STATES = ["queued", "sent", "failed", "dead"] as const;

/** How a test is getting on. */
export interface ChannelTest {
  readonly state: (typeof TEST_STATES)[number];
  /** What stood against the last attempt. */
  readonly error: string;
}

/** A way to reach the user when no page is open. */
export interface Channel {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly name: string;
  readonly address: string;
  readonly state: ChannelState;
  /** What stood against the last message that was sent there; empty once one was taken. */
  readonly error: string;
}

/** The user's channels, and which kinds this installation can do. */
export interface Channels {
  readonly channels: readonly Channel[];
  readonly kinds: readonly ChannelKind[];
}

export const NO_CHANNELS: Channels = { channels: [], kinds: [] };

export function channels(body: unknown): Channels {
  const fields = record(body);
  const offered = list(fields["kinds"], string);
  return {
    channels: list(fields["channels"], channel),
    kinds: CHANNEL_KINDS.filter((kind) => offered.includes(kind)),
  };
}

export function channel(value: unknown): Channel {
  const fields = record(value);
  return {
    id: string(fields["id"]),
    kind: oneOf(CHANNEL_KINDS, fields["kind"]),
    name: string(fields["name"]),
    address: string(fields["address"]),
    state: oneOf(CHANNEL_STATES, fields["state"]),
    error: string(fields["error"]),
  };
}

export function channelTest(body: unknown): ChannelTest {
  const fields = record(body);
  return { state: oneOf(TEST_STATES, fields["state"]), error: string(fields["error"]) };
}

/** Whether nothing more will come of a test. */
export function isDecided({ state }: ChannelTest): boolean {
  return state === "sent" || state === "dead";
}

export function testWords({ state, error }: ChannelTest): string {
  switch (state) {
    case "queued":
      return "A test is on its way.";
    case "sent":
      return "The test was sent.";
    case "failed":
      return `Not sent yet, and tried again: ${error}`;
    case "dead":
      return `The test could not be sent: ${error}`;
  }
}

/** Why nothing arrives there; null where nothing is known against it. */
export function troubleWords({ kind, state, error }: Channel): string | null {
  if (state === "broken") {
    const refused = error === "" ? "Messages were refused there." : `Messages were refused there: ${error}.`;
    return `${refused} Once that is mended, a test that arrives brings it back.`;
  }
  if (error === "") return null;
  if (state === "verified") return `The last message has not arrived: ${error}.`;
  return `The ${proofOf(kind)} has not arrived: ${error}.`;
}

/** What shows that a channel is the user's. */
export function proofOf(kind: ChannelKind): string {
  return kind === "webhook" ? "challenge" : "code";
}

/** What a kind is called, what is asked for, and how it is verified. */
export interface KindWords {
  readonly name: string;
  readonly about: string;
  readonly address: string;
  readonly example: string;
}

export const KIND_WORDS: Readonly<Record<ChannelKind, KindWords>> = {
  email: {
    name: "E-mail",
    about: "A code is sent to the address, to be entered here.",
    address: "Address",
    example: "you@example.com",
  },
  webpush: {
    name: "This browser",
    about: "Shown by this browser, also while the page is closed.",
    address: "",
    example: "",
  },
  sms: {
    name: "Text message",
    about: "A code is sent to the phone, to be entered here.",
    address: "Number, with the country",
    example: "+14155550123",
  },
  webhook: {
    name: "Webhook",
    about: "A signed POST for every alert. The receiver answers the first one with the challenge that it carries.",
    address: "Address",
    example: "https://example.com/alerts",
  },
  apprise: {
    name: "Another service",
    about: "Whatever Apprise reaches: Telegram, Slack, Matrix and others. A code is sent there, to be entered here.",
    address: "Apprise URL",
    example: "tgram://bottoken/ChatID",
  },
};

/** Verified by the code that was sent to it; the others verify themselves. */
export function takesCode({ kind, state }: Channel): boolean {
  return state === "unverified" && kind !== "webhook" && kind !== "webpush";
}

/** Those that an alert may notify, with those that it does already. */
export function choosable({ channels: all }: Channels, chosen: readonly string[]): Channel[] {
  return all.filter(({ id, state }) => state === "verified" || chosen.includes(id));
}

/** Choose one more, or one less; those that were removed meanwhile are no longer chosen either. */
export function withToggled({ channels: all }: Channels, chosen: readonly string[], id: string): string[] {
  const present = chosen.filter((each) => all.some((known) => known.id === each));
  return present.includes(id) ? present.filter((each) => each !== id) : [...present, id];
}

/** "E-mail, Work webhook": the names of those that are still there. */
export function namesOf({ channels: all }: Channels, ids: readonly string[]): string[] {
  return all.filter(({ id }) => ids.includes(id)).map(titleOf);
}

export function titleOf({ name, kind }: Channel): string {
  return name || KIND_WORDS[kind].name;
}

/** Its address, or what it is, where its name says the one already, or its address tells nobody anything. */
export function whereOf({ name, kind, address }: Channel): string {
  return name === address || kind === "webpush" ? KIND_WORDS[kind].name : address;
}
