import { useNowMs } from "../clock/ticker";
import type { Pages } from "../asking/use-pages";
import { formatMoment } from "../format/moment";
import type { Firing, FiringOutcome } from "./firings";
import { firingWords, ruleWords } from "./words";

const OUTCOME_WORDS: Readonly<Record<FiringOutcome, string | null>> = {
  sent: null,
  limit: "Not sent: too many within an hour",
  cooldown: "Not sent: too soon after the last",
};

interface FiringListProps {
  history: Pages<Firing>;
  /** Those that are marked as new. */
  fresh?: ReadonlySet<string>;
  /** What to say where there is nothing. */
  nothing: string;
}

/** When alerts fired, and at which price, newest first. */
export function FiringList({ history: { answer, problem, loadOlder }, fresh, nothing }: FiringListProps) {
  return (
    <div className="firings">
      {problem !== null && (
        <p role="status" className="alerts-problem">
          {problem.message}
        </p>
      )}
      {answer?.items.length === 0 && <p className="empty">{nothing}</p>}
      <ol data-testid="firings">
        {answer?.items.map((firing) => (
          <FiringRow key={firing.id} firing={firing} isNew={fresh?.has(firing.id) ?? false} />
        ))}
      </ol>
      {answer !== null && answer.next !== null && (
        <button type="button" className="small" data-action="load-older" onClick={loadOlder}>
          Older ones
        </button>
      )}
    </div>
  );
}

function FiringRow({ firing, isNew }: { firing: Firing; isNew: boolean }) {
  const nowMs = useNowMs();
  const { id, alert, symbol, price, side, firedAt, outcome, note } = firing;
  const suppressed = OUTCOME_WORDS[outcome];
  return (
    <li
      data-firing={id}
      data-alert={alert}
      data-symbol={symbol}
      data-price={price}
      data-outcome={outcome}
      data-new={isNew ? "" : undefined}
    >
      <span className="firing-side" data-direction={side > 0 ? "up" : "down"} aria-hidden="true">
        {side > 0 ? "▲" : "▼"}
      </span>
      <p>
        <b>{firingWords(firing)}</b> <small>{[ruleWords(firing), note].filter(Boolean).join(" · ")}</small>
        {suppressed !== null && <small className="firing-suppressed">{suppressed}</small>}
      </p>
      <time dateTime={firedAt} title={firedAt}>
        {formatMoment(firedAt, nowMs)}
      </time>
      {isNew && <span className="visually-hidden">new</span>}
    </li>
  );
}
