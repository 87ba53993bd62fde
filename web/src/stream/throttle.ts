/**
 * Does something at once when it was quiet, and no oftener than every so many milliseconds; whatever is asked for in
 * between is done once, at the end.
 */
export class Throttle {
  private handle: ReturnType<typeof setTimeout> | undefined;
  private asked = false;

  constructor(
    private readonly action: () => void,
    private readonly everyMs: number,
  ) {}

  readonly ask = (): void => {
    this.asked = true;
    if (this.handle === undefined) this.act();
  };

  private act(): void {
    this.handle = undefined;
    if (!this.asked) return;
    this.asked = false;
    this.handle = setTimeout(() => this.act(), this.everyMs);
    this.action();
  }
}
