/** This browser as a channel: asks for permission, and subscribes the service worker that shows what comes. */

const WORKER = "/push-worker.js";

const DENIED = "This browser does not let the page show notifications: allow them in the settings of this site.";
const NO_SERVICE = "This browser cannot reach its maker's push service just now.";

export function canPush(): boolean {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** The subscription as the server wants it, or why there is none, as a sentence. */
export async function subscribe(key: string): Promise<PushSubscriptionJSON | string> {
  if ((await Notification.requestPermission()) !== "granted") return DENIED;
  try {
    await navigator.serviceWorker.register(WORKER);
    const { pushManager } = await navigator.serviceWorker.ready;
    const held = await pushManager.getSubscription();
    // One that was made with another installation's key could not be sent to.
    if (held !== null && !isKey(held.options.applicationServerKey, key)) await held.unsubscribe();
    return (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).toJSON();
  } catch {
    return NO_SERVICE;
  }
}

function isKey(bytes: ArrayBuffer | null, key: string): boolean {
  if (bytes === null) return false;
  const text = btoa(String.fromCodePoint(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") === key.replaceAll("=", "");
}

const BROWSERS = [
  ["Firefox/", "Firefox"],
  ["Edg/", "Edge"],
  ["OPR/", "Opera"],
  ["Chrome/", "Chrome"],
  ["Safari/", "Safari"],
] as const;
const SYSTEMS = [
  ["Android", "Android"],
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Windows", "Windows"],
  ["Mac OS", "macOS"],
  ["Linux", "Linux"],
] as const;

/** "Firefox on Linux": so that its user knows it among others. */
export function browserName(agent: string): string {
  const [browser, system] = [nameIn(BROWSERS, agent), nameIn(SYSTEMS, agent)];
  return system === null ? (browser ?? "Browser") : `${browser ?? "Browser"} on ${system}`;
}

function nameIn(names: readonly (readonly [string, string])[], agent: string): string | null {
  return names.find(([mark]) => agent.includes(mark))?.[1] ?? null;
}
