import type { Firing } from "./firings";

/** What the stream has told of alerts that fired. */
export interface LiveAlerts {
  /** Not looked at yet, newest first; the newest of them where they are many. */
  readonly unseen: readonly Firing[];
  /** How many there are not looked at. */
  readonly count: number;
  /** Those that fired while the page is open and are still announced, oldest first. */
  readonly news: readonly Firing[];
  /** Counts what was heard: whoever shows alerts or their history asks again. */
  readonly heard: number;
}

export type AlertsMessage =
  | { readonly type: "alerts"; readonly firings: readonly Firing[]; readonly total: number }
  | { readonly type: "alert_fired"; readonly firing: Firing };

export const NO_ALERTS: LiveAlerts = { unseen: [], count: 0, news: [], heard: 0 };

const MOST_UNSEEN = 100;
const MOST_NEWS = 20;

export function applyAlerts(held: LiveAlerts, message: AlertsMessage): LiveAlerts {
  return message.type === "alerts" ? withAll(held, message.firings, message.total) : withOne(held, message.firing);
}

/** Whoever looked at this need not be told of it. */
export function withSeen(held: LiveAlerts, id: string): LiveAlerts {
  const unseen = without(held.unseen, id);
  const count = Math.max(unseen.length, held.count - (held.unseen.length - unseen.length));
  return { ...held, unseen, count, news: without(held.news, id) };
}

export function withAllSeen(held: LiveAlerts): LiveAlerts {
  return { ...held, unseen: [], count: 0, news: [] };
}

/** Announce this no longer. It stays unseen. */
export function withoutNews(held: LiveAlerts, id: string): LiveAlerts {
  return { ...held, news: without(held.news, id) };
}

/** All that is unseen, at the beginning of each connection: what fired since the one before is news. */
function withAll(held: LiveAlerts, firings: readonly Firing[], total: number): LiveAlerts {
  const known = new Set(held.unseen.map(({ id }) => id));
  const since = held.heard === 0 ? [] : firings.filter(({ id, outcome }) => !known.has(id) && outcome === "sent");
  const unseen = firings.slice(0, MOST_UNSEEN);
  return {
    unseen,
    count: Math.max(unseen.length, total),
    news: [...held.news, ...since.toReversed()].slice(-MOST_NEWS),
    heard: held.heard + 1,
  };
}

function withOne(held: LiveAlerts, firing: Firing): LiveAlerts {
  if (held.unseen.some(({ id }) => id === firing.id)) return held;
  return {
    unseen: [firing, ...held.unseen].slice(0, MOST_UNSEEN),
    count: held.count + 1,
    news: [...held.news, firing].slice(-MOST_NEWS),
    heard: held.heard + 1,
  };
}

function without(firings: readonly Firing[], unwanted: string): readonly Firing[] {
  return firings.filter(({ id }) => id !== unwanted);
}
