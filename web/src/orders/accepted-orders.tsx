import { useDesk } from "../desk/desk-context";
import { useOrders } from "./use-order";

/** What was accepted and is not decided yet, and what was refused in the end. */
export function AcceptedOrders() {
  const { orders } = useDesk();
  const { accepted } = useOrders();
  return (
    <ul className="accepted" role="status" aria-label="Accepted orders" data-testid="accepted-orders">
      {accepted.map(({ command, words, refusal }) => (
        <li key={command} data-command={command} data-refused={refusal === null ? undefined : ""}>
          <span>
            {words}: {refusal ?? "accepted, will be carried out"}
          </span>
          {refusal !== null && (
            <button type="button" className="small" onClick={() => orders.dismiss(command)}>
              Dismiss
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
