/** The search box's behaviour as plain values: which result is highlighted, what a key means. */
export interface Combobox {
  readonly open: boolean;
  /** Index of the highlighted result; -1 when there is none. */
  readonly highlighted: number;
}

export type ComboboxAction = "none" | "choose" | "choose-typed" | "clear" | "leave";

export interface ComboboxStep {
  readonly state: Combobox;
  readonly action: ComboboxAction;
  /** Whether the key was used, and must not move the cursor or submit as well. */
  readonly handled: boolean;
}

export const CLOSED: Combobox = { open: false, highlighted: -1 };

/** New results came: open, with the best one highlighted, so that Enter takes it. */
export function withResults(count: number): Combobox {
  return { open: true, highlighted: count > 0 ? 0 : -1 };
}

export function onKey(state: Combobox, key: string, count: number, typed: string): ComboboxStep {
  switch (key) {
    case "ArrowDown":
      return used({ open: true, highlighted: wrapped(state.highlighted + 1, count) });
    case "ArrowUp":
      return used({ open: true, highlighted: wrapped(state.highlighted - 1, count) });
    case "Enter":
      if (state.open && state.highlighted >= 0) return used(state, "choose");
      return typed.trim() === "" ? used(state) : used(state, "choose-typed");
    case "Escape":
      return typed === "" ? used(CLOSED, "leave") : used(CLOSED, "clear");
    default:
      return { state, action: "none", handled: false };
  }
}

function used(state: Combobox, action: ComboboxAction = "none"): ComboboxStep {
  return { state, action, handled: true };
}

function wrapped(index: number, count: number): number {
  return count === 0 ? -1 : (index + count) % count;
}
