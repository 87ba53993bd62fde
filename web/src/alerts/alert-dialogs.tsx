import { Dialog } from "../forms/dialog";
import { ConfirmDialog } from "../forms/confirm-dialog";
import { splitSymbol } from "../format/symbols";
import { AlertDialog } from "./alert-dialog";
import { FiringList } from "./firing-list";
import { deleteOrder } from "./orders";
import { valuesOf } from "./rule-form";
import type { Alert } from "./rules";
import { useHistory } from "./use-alerts";
import { ruleWords } from "./words";

/** What is asked about one of the alerts. */
export type Asking = { readonly what: "edit" | "delete" | "history"; readonly about: Alert } | null;

export function AlertDialogs({ asking, onClose }: { asking: Asking; onClose: () => void }) {
  if (asking === null) return null;
  const { what, about } = asking;
  switch (what) {
    case "edit":
      return <AlertDialog start={valuesOf(about)} edited={about} onClose={onClose} />;
    case "history":
      return <HistoryDialog alert={about} onClose={onClose} />;
    case "delete":
      return (
        <ConfirmDialog
          title={`Delete ${titleOf(about)}`}
          consequence="It will not fire any more. What it has told you so far stays in the history."
          submit="Delete"
          order={deleteOrder(about.id)}
          onTaken={onClose}
          onClose={onClose}
        />
      );
  }
}

function HistoryDialog({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const history = useHistory(alert.id);
  return (
    <Dialog title={titleOf(alert)} isBusy={false} onClose={onClose}>
      <FiringList history={history} nothing="It has not fired yet." />
    </Dialog>
  );
}

function titleOf(alert: Alert): string {
  const words = ruleWords(alert);
  return `${splitSymbol(alert.symbol).ticker}: ${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}
