import { type RefObject, useEffect, useState } from "react";

type Listener = (visible: boolean) => void;

/** One observer for all rows; rows up to a screen away count as visible, so that scrolling meets fresh prices. */
const listeners = new WeakMap<Element, Listener>();
let observer: IntersectionObserver | null = null;

function sharedObserver(): IntersectionObserver {
  observer ??= new IntersectionObserver(
    (changes) => changes.forEach(({ target, isIntersecting }) => listeners.get(target)?.(isIntersecting)),
    { rootMargin: "100% 0px" },
  );
  return observer;
}

/** Whether an element is on the screen or near it. With 500 rows ticking, those that nobody sees need no rendering. */
export function useOnScreen(element: RefObject<Element | null>): boolean {
  const [visible, setVisible] = useState(true);
  useEffect(() => {
    const target = element.current;
    if (target === null) return undefined;
    listeners.set(target, setVisible);
    sharedObserver().observe(target);
    return () => {
      sharedObserver().unobserve(target);
      listeners.delete(target);
    };
  }, [element]);
  return visible;
}
