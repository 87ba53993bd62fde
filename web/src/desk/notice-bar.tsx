import { useNotice } from "../stream/hooks";
import { useDesk } from "./desk-context";

/** The server's complaints that belong to no row. */
export function NoticeBar() {
  const { market } = useDesk();
  const notice = useNotice();
  return (
    <div role="alert" className="notice" hidden={notice === null}>
      {notice}
      <button type="button" className="small" onClick={market.dismissNotice}>
        Dismiss
      </button>
    </div>
  );
}
