import { useDesk } from "../desk/desk-context";

export function EmptyList() {
  const { watchlist } = useDesk();
  return (
    <div className="empty">
      <p>Nothing on your watchlist yet.</p>
      <p>
        Press <kbd>/</kbd> to search for an instrument, or{" "}
        <button type="button" className="link" data-action="start-over" onClick={() => watchlist.startOver()}>
          start with ten well-known ones
        </button>
        .
      </p>
    </div>
  );
}
