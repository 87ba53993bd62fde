/** What a key pressed in the watchlist means, as plain values. */
export type RowCommand = { type: "focus"; symbol: string } | { type: "remove"; symbol: string } | { type: "close" };

/** `symbols` are the rows from top to bottom, `focused` the one that has the focus. */
export function rowCommand(key: string, symbols: readonly string[], focused: string): RowCommand | null {
  const index = symbols.indexOf(focused);
  const focus = (to: number): RowCommand | null => {
    const symbol = symbols[Math.min(symbols.length - 1, Math.max(0, to))];
    return symbol === undefined ? null : { type: "focus", symbol };
  };
  switch (key) {
    case "ArrowDown":
      return focus(index + 1);
    case "ArrowUp":
      return focus(index - 1);
    case "Home":
      return focus(0);
    case "End":
      return focus(symbols.length - 1);
    case "Delete":
    case "Backspace":
      return { type: "remove", symbol: focused };
    case "Escape":
      return { type: "close" };
    default:
      return null;
  }
}
