import { useEffect, useState } from "react";
import { useDesk } from "../desk/desk-context";
import { useLiveAlerts } from "../stream/hooks";
import { FiringList } from "./firing-list";
import { useHistory } from "./use-alerts";

/** What fired, newest first. Whoever looks here has seen it. */
export function HistoryPanel() {
  const history = useHistory(null);
  const fresh = useFresh();
  return (
    <section aria-label="History">
      <FiringList
        history={history}
        fresh={fresh}
        nothing="No alert has fired yet. What they tell you will be kept here."
      />
    </section>
  );
}

const NONE: ReadonlySet<string> = new Set();

/** Those that nobody had seen before this was opened, or that came meanwhile. All of them are seen now. */
function useFresh(): ReadonlySet<string> {
  const { unseen, count } = useLiveAlerts();
  const [fresh, setFresh] = useState(NONE);
  const { seenAlerts } = useDesk();
  useEffect(() => {
    const look = () => {
      if (count === 0 || document.visibilityState === "hidden") return;
      setFresh((before) => new Set([...before, ...unseen.map(({ id }) => id)]));
      seenAlerts.seeAll();
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [unseen, count, seenAlerts]);
  return fresh;
}
