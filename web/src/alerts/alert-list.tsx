import { useMemo, useState } from "react";
import { SelectField } from "../forms/select-field";
import { useWish } from "../stream/hooks";
import { AlertDialogs, type Asking } from "./alert-dialogs";
import { AlertRow } from "./alert-row";
import type { Channels } from "./channels";
import { lastPrices } from "./firings";
import { type Alert, type AlertState, STATES } from "./rules";
import { useAlerts, useChannels, useHistory } from "./use-alerts";
import { STATE_WORDS } from "./words";

type Shown = AlertState | "all";

const SHOWN: readonly (readonly [Shown, string])[] = [
  ["all", "All"],
  ...STATES.map((state) => [state, STATE_WORDS[state]] as const),
];

/** All alerts with what is still between them and their price, as it streams. */
export function AlertList({ onCreate }: { onCreate: () => void }) {
  const [shown, setShown] = useState<Shown>("all");
  const filter = useMemo(() => (shown === "all" ? {} : { state: shown }), [shown]);
  const { answer, problem, loadOlder } = useAlerts(filter);
  const { channels } = useChannels();
  const { answer: history } = useHistory(null);
  const firedAt = useMemo(() => lastPrices(history?.items ?? []), [history]);
  const [asking, ask] = useState<Asking>(null);
  const alerts = answer?.items ?? [];
  useWish(alerts.map(({ symbol }) => symbol));
  return (
    <section aria-label="All alerts">
      {(alerts.length > 0 || shown !== "all") && (
        <div className="alerts-filter">
          <SelectField name="state" label="Show" error={null} value={shown} options={SHOWN} onValue={setShown} />
        </div>
      )}
      {problem !== null && (
        <p role="status" className="alerts-problem">
          {problem.message}
        </p>
      )}
      {answer !== null && alerts.length === 0 && <NoAlerts shown={shown} onCreate={onCreate} />}
      {alerts.length > 0 && <AlertTable alerts={alerts} firedAt={firedAt} channels={channels} onAsk={ask} />}
      {answer !== null && answer.next !== null && (
        <button type="button" className="small" data-action="load-older" onClick={loadOlder}>
          Older alerts
        </button>
      )}
      <AlertDialogs asking={asking} onClose={() => ask(null)} />
    </section>
  );
}

const COLUMNS = [
  ["symbol", "Symbol"],
  ["rule", "Fires when it"],
  ["last", "Last"],
  ["distance", "To go"],
  ["state", "State"],
  ["repeat", "How often"],
  ["channels", "Tells"],
] as const;

interface AlertTableProps {
  alerts: readonly Alert[];
  /** The prices at which they fired last. */
  firedAt: ReadonlyMap<string, number>;
  channels: Channels;
  onAsk: (asking: Asking) => void;
}

/** The explicit roles keep the table a table although each row is laid out as a grid. */
function AlertTable({ alerts, firedAt, channels, onAsk }: AlertTableProps) {
  return (
    <table className="alert-table" role="table" data-testid="alert-list">
      <caption className="visually-hidden">Alerts, newest first</caption>
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.map(([field, title]) => (
            <th key={field} role="columnheader" scope="col" data-field={field}>
              {title}
            </th>
          ))}
          <th role="columnheader" scope="col" data-field="actions">
            <span className="visually-hidden">What can be done</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {alerts.map((alert) => (
          <AlertRow
            key={alert.id}
            alert={alert}
            firedAt={firedAt.get(alert.id) ?? null}
            channels={channels}
            onAsk={onAsk}
          />
        ))}
      </tbody>
    </table>
  );
}

function NoAlerts({ shown, onCreate }: { shown: Shown; onCreate: () => void }) {
  if (shown !== "all") return <p className="empty">None of your alerts is {STATE_WORDS[shown].toLowerCase()}.</p>;
  return (
    <div className="empty" data-testid="no-alerts">
      <p>You have no alerts yet.</p>
      <p>
        An alert watches every single trade of an instrument and tells you the moment its price gets where you wait for
        it, whether this page is open or not.
      </p>
      <p>
        <button type="button" className="small main" onClick={onCreate}>
          Make the first one
        </button>
      </p>
    </div>
  );
}
