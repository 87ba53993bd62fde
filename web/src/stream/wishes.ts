/** Symbols whose quotes are wanted beside those on the watchlist, for as long as something on the page shows them. */
export class QuoteWishes {
  private readonly wishes = new Set<readonly string[]>();
  private readonly listeners = new Set<() => void>();

  readonly symbols = (): readonly string[] => [...new Set([...this.wishes].flat())];

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Want these until the returned function is called. */
  add(symbols: readonly string[]): () => void {
    const wish = [...symbols];
    this.wishes.add(wish);
    this.tell();
    return () => {
      this.wishes.delete(wish);
      this.tell();
    };
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
