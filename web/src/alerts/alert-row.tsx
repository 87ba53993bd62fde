import { memo } from "react";
import { useNowMs } from "../clock/ticker";
import { formatExactPrice, formatPercent } from "../format/numbers";
import { formatMoment } from "../format/moment";
import { splitSymbol } from "../format/symbols";
import { useOrder } from "../orders/use-order";
import { useQuote } from "../stream/hooks";
import { useFlash } from "../watchlist/use-flash";
import type { Asking } from "./alert-dialogs";
import { type Channels, namesOf } from "./channels";
import { type Distance, distanceOf, nearness } from "./distance";
import { Icon, type IconName } from "./icon";
import { pauseOrder, rearmOrder, resumeOrder } from "./orders";
import type { Alert } from "./rules";
import { REPEAT_WORDS, STATE_WORDS, cooldownWords, ruleWords, waitWords } from "./words";

interface AlertRowProps {
  alert: Alert;
  /** The price at which it fired last; null where that is not at hand. */
  firedAt: number | null;
  channels: Channels;
  onAsk: (asking: Asking) => void;
}

/** One alert; of a list that ticks, only the cells of the prices render. */
export const AlertRow = memo(function AlertRow({ alert, firedAt, channels, onAsk }: AlertRowProps) {
  const { id, symbol, name, state, note, repeat, cooldownS } = alert;
  const { venue, ticker } = splitSymbol(symbol);
  const names = namesOf(channels, alert.channels);
  return (
    <tr role="row" data-alert={id} data-symbol={symbol} data-state={state}>
      <th role="rowheader" scope="row" data-field="symbol" title={name}>
        {ticker} <small>{venue}</small>
      </th>
      <td role="cell" data-field="rule" title={note}>
        <span>{ruleWords(alert)}</span>
        {note !== "" && <small>{note}</small>}
      </td>
      <PriceCells alert={alert} />
      <td role="cell" data-field="state">
        <span className="pill" data-state={state} title={waitWords(alert) ?? undefined}>
          {STATE_WORDS[state]} <span className="visually-hidden">{waitWords(alert)}</span>
        </span>
        <FiredLast alert={alert} price={firedAt} />
      </td>
      <td role="cell" data-field="repeat">
        <span>
          {REPEAT_WORDS[repeat]}
          {cooldownS > 0 && repeat !== "once" && `, quiet ${cooldownWords(cooldownS)}`}
        </span>
        <Expiry alert={alert} />
      </td>
      <td role="cell" data-field="channels" title={names.join(", ")}>
        {names.length === 0 ? <small>this page</small> : names.join(", ")}
      </td>
      <Actions alert={alert} onAsk={onAsk} />
    </tr>
  );
});

/** What is still between the last price and the alert, as it streams. */
function PriceCells({ alert }: { alert: Alert }) {
  const quote = useQuote(alert.symbol);
  const last = quote?.last ?? null;
  const cell = useFlash<HTMLTableCellElement>(last);
  const isWatched = alert.state === "armed" || alert.state === "waiting";
  const distance = isWatched ? distanceOf(alert, quote) : null;
  return (
    <>
      <td role="cell" ref={cell} data-field="last" data-value={last ?? ""}>
        <span className="price">{formatExactPrice(last)}</span>
      </td>
      <td role="cell" data-field="distance" data-value={distance?.percent ?? ""}>
        {distance !== null && (
          <>
            <span>{distanceWords(alert, distance)}</span>
            <span className="nearness" style={{ "--near": nearness(distance) } as React.CSSProperties} />
          </>
        )}
      </td>
    </>
  );
}

function distanceWords({ state }: Alert, { percent }: Distance): string {
  if (percent !== 0) return formatPercent(percent);
  return state === "waiting" ? "past it" : "there";
}

/** When it fired last, and at which price. */
function FiredLast({ alert: { state, lastFiredAt, firedCount }, price }: { alert: Alert; price: number | null }) {
  const nowMs = useNowMs();
  if (lastFiredAt === null) return null;
  return (
    <small>
      {state !== "fired" && "fired "}
      {firedCount > 1 && `${firedCount.toLocaleString("en-US")} times, last `}
      {price !== null && `at ${formatExactPrice(price)}, `}
      <time dateTime={lastFiredAt}>{formatMoment(lastFiredAt, nowMs)}</time>
    </small>
  );
}

function Expiry({ alert: { expiresAt } }: { alert: Alert }) {
  const nowMs = useNowMs();
  if (expiresAt === null) return null;
  return (
    <small>
      until <time dateTime={expiresAt}>{formatMoment(expiresAt, nowMs)}</time>
    </small>
  );
}

interface ActionsProps {
  alert: Alert;
  onAsk: (asking: Asking) => void;
}

/** The list is asked for again whenever something was done. */
const done = () => undefined;

/** What can be done with an alert; what is refused is said below it. */
function Actions({ alert, onAsk }: ActionsProps) {
  const { isBusy, problem, give } = useOrder();
  const { id, state } = alert;
  const title = `${splitSymbol(alert.symbol).ticker} ${ruleWords(alert).toLowerCase()}`;
  const edit = () => onAsk({ what: "edit", about: alert });
  const button = (action: IconName, words: string, onClick: () => void) => (
    <button
      type="button"
      className="icon"
      data-action={action}
      aria-label={`${words}: ${title}`}
      title={words}
      disabled={isBusy}
      onClick={onClick}
    >
      <Icon name={action} />
    </button>
  );
  return (
    <>
      <td role="cell" data-field="actions">
        {(state === "armed" || state === "waiting") &&
          button("pause", "Pause", () => void give(pauseOrder(id), `Pause ${title}`, done))}
        {state === "paused" && button("resume", "Resume", () => void give(resumeOrder(id), `Resume ${title}`, done))}
        {state === "fired" && button("rearm", "Arm again", () => void give(rearmOrder(id), `Arm ${title} again`, done))}
        {state === "expired" && button("rearm", "Give it more time", edit)}
        {button("edit", "Edit", edit)}
        {button("history", "History", () => onAsk({ what: "history", about: alert }))}
        {button("delete", "Delete", () => onAsk({ what: "delete", about: alert }))}
      </td>
      {problem !== null && (
        <td role="cell" data-field="problem" className="field-error">
          <span role="alert">{problem.message}</span>
        </td>
      )}
    </>
  );
}
