import { type RefObject, useLayoutEffect, useRef } from "react";
import { nextFlash, restingFlash } from "./flash";

/**
 * A ref for an element that flashes up or down when its number changes. Attributes are set on the element itself and
 * CSS animates them, so that nothing renders when a flash starts or ends.
 */
export function useFlash<E extends HTMLElement>(value: number | null): RefObject<E | null> {
  const cell = useRef<E>(null);
  const held = useRef(restingFlash(value));
  useLayoutEffect(() => {
    const flash = nextFlash(held.current, value, performance.now());
    held.current = flash;
    if (cell.current === null || flash.direction === null) return;
    cell.current.dataset["flash"] = flash.direction;
    cell.current.dataset["beat"] = String(flash.beat);
  }, [value]);
  return cell;
}
