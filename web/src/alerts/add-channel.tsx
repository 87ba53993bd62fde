import { useState } from "react";
import { useAction } from "../asking/use-action";
import { useDesk } from "../desk/desk-context";
import { ChannelDialog } from "./channel-dialog";
import { type ChannelKind, type Channels, KIND_WORDS } from "./channels";
import { Icon } from "./icon";
import { browserName, canPush, subscribe } from "./web-push";

interface AddChannelProps {
  channels: Channels;
  onAdded: () => void;
}

/** The ways that this installation offers. */
export function AddChannel({ channels: { channels: present, kinds }, onAdded }: AddChannelProps) {
  const [asking, ask] = useState<ChannelKind | null>(null);
  const { isBusy, problem, addBrowser } = useBrowserChannel(onAdded);
  const offered = kinds.filter((kind) => kind !== "webpush" || canPush());
  if (offered.length === 0) return null;
  return (
    <>
      <h2>{present.length === 0 ? "Add a way to be reached" : "Add another"}</h2>
      <ul className="channel-kinds">
        {offered.map((kind) => (
          <li key={kind}>
            <button
              type="button"
              data-add={kind}
              disabled={isBusy}
              onClick={() => (kind === "webpush" ? addBrowser() : ask(kind))}
            >
              <Icon name={kind} />
              <b>{KIND_WORDS[kind].name}</b>
              <small>{KIND_WORDS[kind].about}</small>
            </button>
          </li>
        ))}
      </ul>
      <p role="alert" className="field-error" data-testid="push-problem">
        {problem}
      </p>
      {asking !== null && <ChannelDialog kind={asking} onAdded={onAdded} onClose={() => ask(null)} />}
    </>
  );
}

/** Asks the browser, and the browser asks the user. */
function useBrowserChannel(onAdded: () => void) {
  const { alerts } = useDesk();
  const { isBusy, problem, run } = useAction();
  const [refusal, setRefusal] = useState<string | null>(null);
  const addBrowser = () => {
    setRefusal(null);
    void run(
      async () => {
        const subscription = await subscribe(await alerts.pushKey());
        if (typeof subscription === "string") return subscription;
        await alerts.addChannel({ kind: "webpush", name: browserName(navigator.userAgent), subscription });
        return null;
      },
      (refused) => {
        setRefusal(refused);
        if (refused === null) onAdded();
      },
    );
  };
  return { isBusy, problem: refusal ?? problem?.message ?? null, addBrowser };
}
