import { useNowMs } from "../clock/ticker";
import type { ConnectionLabel } from "../stream/connection-view";
import { useConnection } from "../stream/hooks";
import { useDesk } from "./desk-context";

const WORDS: Record<ConnectionLabel, string> = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  "upstream-reconnecting": "Market feed reconnecting",
  offline: "Offline",
};

export function ConnectionBadge() {
  const { market } = useDesk();
  const { label, retryAtMs } = useConnection();
  return (
    <div className="connection" data-testid="connection-state" data-state={label}>
      <span className="dot" aria-hidden="true" />
      <span role="status">{WORDS[label]}</span>
      {retryAtMs !== null && (
        <>
          <Countdown untilMs={retryAtMs} />
          <button type="button" className="small" data-action="retry" onClick={market.retry}>
            Retry now
          </button>
        </>
      )}
    </div>
  );
}

/** Outside the live region: a screen reader need not hear every second. */
function Countdown({ untilMs }: { untilMs: number }) {
  const seconds = Math.max(0, Math.ceil((untilMs - useNowMs()) / 1000));
  return <span className="countdown">{seconds > 0 ? `in ${seconds} s` : "now"}</span>;
}
