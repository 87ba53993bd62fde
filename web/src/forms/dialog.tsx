import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { createPortal } from "react-dom";

interface DialogProps {
  title: string;
  /** It stays until it is known what became of what was sent. */
  isBusy: boolean;
  onClose: () => void;
  children: ReactNode;
}

/**
 * A window over the page, which has the keyboard until it is closed: by Escape, by its button, or by whoever shows it.
 * It begins at the control with `data-first`, or else at the first of its form.
 */
export function Dialog({ title, isBusy, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // In a layout effect: only a dialog that is closed before it is removed gives the focus back to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    const first = element?.querySelector<HTMLElement>("[data-first]");
    (first ?? element?.querySelector<HTMLElement>("form :is(input, select, button)"))?.focus();
    return () => element?.close();
  }, []);
  // At the end of the page: what it is opened from has styles of its own.
  return createPortal(
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        if (!isBusy) onClose();
      }}
      // A browser heeds a second Escape whatever was said to the first.
      onClose={() => dialog.current?.open === false && onClose()}
    >
      <header>
        <h2 id={titleId}>{title}</h2>
        <button type="button" className="icon" aria-label="Close" disabled={isBusy} onClick={onClose}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="m4 4 8 8m0-8-8 8" />
          </svg>
        </button>
      </header>
      {children}
    </dialog>,
    document.body,
  );
}
