import { type PollPlan, pollDelayMs } from "./mode";

/** Asks for what does not stream, again and again, as long as there is a plan. */
export class Poller {
  private plan: PollPlan | null = null;
  private handle: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly ask: (symbols: readonly string[]) => void) {}

  /** Go by this plan from now on. A question that is due already comes when it was due. */
  follow(plan: PollPlan | null): void {
    const waits = this.plan !== null;
    this.plan = plan;
    if (plan === null) clearTimeout(this.handle);
    else if (!waits) this.wait(plan);
  }

  private wait(plan: PollPlan): void {
    this.handle = setTimeout(() => this.poll(), pollDelayMs(plan.everyMs, Math.random()));
  }

  private poll(): void {
    if (this.plan === null) return;
    this.ask(this.plan.symbols);
    this.wait(this.plan);
  }
}
