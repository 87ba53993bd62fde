import type { AlertsApi } from "../api/alerts";
import type { LiveMarket } from "../stream/live-market";
import { type LiveAlerts, withAllSeen, withSeen } from "./live-alerts";

/** The id of what was looked at, or all of it. */
type Looked = string;
const ALL = "all";

/** Tells the server, and the user's other tabs, what was looked at in this one. */
export class SeenAlerts {
  private channel: BroadcastChannel | null = null;

  constructor(
    private readonly api: Pick<AlertsApi, "seen">,
    private readonly market: Pick<LiveMarket, "changeAlerts">,
    private readonly email: string,
  ) {}

  /** Hear what the other tabs tell, until the returned function is called. */
  start(): () => void {
    const channel = new BroadcastChannel(`tickmesh.alerts.seen.${this.email}`);
    channel.addEventListener("message", ({ data }) => typeof data === "string" && this.take(data));
    this.channel = channel;
    return () => {
      channel.close();
      this.channel = null;
    };
  }

  see(id: string): void {
    this.tell(id, [id]);
  }

  seeAll(): void {
    this.tell(ALL, ALL);
  }

  /** Where the server cannot be told, what was looked at is there again next time. */
  private tell(looked: Looked, asked: readonly string[] | typeof ALL): void {
    this.take(looked);
    this.channel?.postMessage(looked);
    this.api.seen(asked).catch(() => undefined);
  }

  private take(looked: Looked): void {
    this.market.changeAlerts((held: LiveAlerts) => (looked === ALL ? withAllSeen(held) : withSeen(held, looked)));
  }
}
