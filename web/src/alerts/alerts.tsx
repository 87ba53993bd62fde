import { useState } from "react";
import { ALERTS_VIEWS, type AlertsView, alertsAddress } from "../desk/place";
import { useLiveAlerts } from "../stream/hooks";
import { AlertDialog } from "./alert-dialog";
import { AlertList } from "./alert-list";
import { ChannelsPanel } from "./channels-panel";
import { HistoryPanel } from "./history-panel";
import { NEW_ALERT } from "./rule-form";

const VIEW_WORDS: Readonly<Record<AlertsView, string>> = {
  list: "All alerts",
  history: "History",
  channels: "Where they go",
};

/** The section of the page that is about alerts: those that there are, what fired, and whom it is told. */
export function Alerts({ view }: { view: AlertsView }) {
  const [isCreating, setCreating] = useState(false);
  const create = () => setCreating(true);
  return (
    <main className="alerts" data-testid="alerts" data-view={view}>
      <header className="alerts-head">
        <h1>Alerts</h1>
        <Views view={view} />
        <button type="button" className="small main" data-action="create-alert" onClick={create}>
          New alert
        </button>
      </header>
      {view === "list" && <AlertList onCreate={create} />}
      {view === "history" && <HistoryPanel />}
      {view === "channels" && <ChannelsPanel />}
      {isCreating && <AlertDialog start={NEW_ALERT} edited={null} onClose={() => setCreating(false)} />}
    </main>
  );
}

function Views({ view }: { view: AlertsView }) {
  const { count } = useLiveAlerts();
  return (
    <nav className="sections" aria-label="Parts of alerts">
      {ALERTS_VIEWS.map((each) => (
        <a key={each} href={alertsAddress(each)} data-view={each} aria-current={each === view ? "page" : undefined}>
          {VIEW_WORDS[each]}
          {each === "history" && count > 0 && <small> {count} new</small>}
        </a>
      ))}
    </nav>
  );
}
