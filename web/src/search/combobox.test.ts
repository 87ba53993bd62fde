import { describe, expect, it } from "vitest";
import { CLOSED, onKey, withResults } from "./combobox";

describe("moving", () => {
  it("goes round in both directions", () => {
    const last = onKey(withResults(3), "ArrowUp", 3, "a").state;
    expect(last.highlighted).toBe(2);
    expect(onKey(last, "ArrowDown", 3, "a").state.highlighted).toBe(0);
  });

  it("opens a closed list", () => {
    expect(onKey(CLOSED, "ArrowDown", 3, "a").state).toEqual({ open: true, highlighted: 0 });
  });

  it("has nowhere to go without results", () => {
    expect(onKey(withResults(0), "ArrowDown", 0, "a").state.highlighted).toBe(-1);
  });
});

describe("enter", () => {
  it("takes the highlighted result", () => {
    expect(onKey(withResults(2), "Enter", 2, "a").action).toBe("choose");
  });

  it("takes what was typed when nothing is highlighted", () => {
    expect(onKey(withResults(0), "Enter", 0, "BRK.B").action).toBe("choose-typed");
  });

  it("does nothing on an empty box", () => {
    expect(onKey(CLOSED, "Enter", 0, "  ").action).toBe("none");
  });
});

describe("escape", () => {
  it("clears first, then leaves", () => {
    expect(onKey(withResults(2), "Escape", 2, "a")).toMatchObject({ state: CLOSED, action: "clear" });
    expect(onKey(CLOSED, "Escape", 0, "").action).toBe("leave");
  });
});

it("leaves other keys to the input", () => {
  expect(onKey(withResults(2), "b", 2, "a").handled).toBe(false);
});
