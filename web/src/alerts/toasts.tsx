import { useEffect, useState, useSyncExternalStore } from "react";
import { useNowMs } from "../clock/ticker";
import { useDesk } from "../desk/desk-context";
import { alertsAddress } from "../desk/place";
import { formatMoment } from "../format/moment";
import { useLiveAlerts } from "../stream/hooks";
import type { Firing } from "./firings";
import { Icon } from "./icon";
import { withoutNews } from "./live-alerts";
import { firingWords, ruleWords } from "./words";

/** So many are read at once; the others are counted. */
const MOST = 3;
const SHOWN_MS = 12_000;

/** Announces what fires while the page is open, wherever on it the user is. */
export function Toasts() {
  const { news } = useLiveAlerts();
  const [isPointedAt, setPointedAt] = useState(false);
  const isHeld = useSyncExternalStore(onVisibility, isHidden) || isPointedAt;
  const more = Math.max(0, news.length - MOST);
  const hold = () => setPointedAt(true);
  const release = () => setPointedAt(false);
  return (
    <section
      className="toasts"
      aria-label="Alerts that fired"
      onPointerEnter={hold}
      onPointerLeave={release}
      onFocus={hold}
      onBlur={release}
    >
      <ol aria-live="assertive" aria-relevant="additions" data-testid="toasts">
        {news.slice(-MOST).map((firing) => (
          <Toast key={firing.id} firing={firing} isHeld={isHeld} />
        ))}
      </ol>
      {more > 0 && (
        <a className="toasts-more" href={alertsAddress("history")}>
          and {more} more
        </a>
      )}
    </section>
  );
}

function onVisibility(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}

function isHidden(): boolean {
  return document.visibilityState === "hidden";
}

/**
 * Goes by itself after a while, but not while somebody points at it, or nobody looks at the page. Whoever closes it has
 * seen it.
 */
function Toast({ firing, isHeld }: { firing: Firing; isHeld: boolean }) {
  const { market, seenAlerts } = useDesk();
  const nowMs = useNowMs();
  const { id, symbol, side, firedAt, note } = firing;
  useEffect(() => {
    if (isHeld) return undefined;
    const timer = setTimeout(() => market.changeAlerts((held) => withoutNews(held, id)), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [market, id, isHeld]);
  return (
    <li className="toast" data-firing={id} data-symbol={symbol} data-direction={side > 0 ? "up" : "down"}>
      <Icon name="bell" />
      <a href={alertsAddress("history")}>
        <b>{firingWords(firing)}</b>
        <small>
          {[ruleWords(firing), note].filter(Boolean).join(" · ")}
        </small>
        <small>
          <time dateTime={firedAt}>{formatMoment(firedAt, nowMs)}</time>
        </small>
      </a>
      <button
        type="button"
        className="icon"
        data-action="dismiss"
        aria-label="Dismiss"
        onClick={() => seenAlerts.see(id)}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <path d="m4 4 8 8m0-8-8 8" />
        </svg>
      </button>
    </li>
  );
}
