import { type FormEvent, useCallback, useState } from "react";
import { useAction } from "../asking/use-action";
import { useAsked } from "../asking/use-asked";
import { useDesk } from "../desk/desk-context";
import { ConfirmDialog } from "../forms/confirm-dialog";
import { errorOf } from "../forms/form-end";
import { TextField } from "../forms/text-field";
import {
  type Channel,
  type ChannelState,
  type ChannelTest,
  isDecided,
  proofOf,
  takesCode,
  testWords,
  titleOf,
  troubleWords,
  whereOf,
} from "./channels";
import { Icon } from "./icon";
import { removeChannelOrder } from "./orders";

const STATE_WORDS: Readonly<Record<ChannelState, string>> = {
  verified: "Verified",
  unverified: "Not verified",
  broken: "Does not work",
};

interface ChannelCardProps {
  channel: Channel;
  onChange: () => void;
}

/** One way to be reached: whether it works, and what can be done about it. */
export function ChannelCard({ channel, onChange }: ChannelCardProps) {
  const { id, kind, state } = channel;
  const [isRemoving, setRemoving] = useState(false);
  const title = titleOf(channel);
  const trouble = troubleWords(channel);
  return (
    <li className="channel" data-channel={id} data-kind={kind} data-state={state}>
      <Icon name={kind} />
      <div className="channel-who">
        <b>{title}</b> <span className="pill" data-state={state}>{STATE_WORDS[state]}</span>
        <small>{whereOf(channel)}</small>
      </div>
      <div className="channel-actions">
        {state === "unverified" ? <AgainButton channel={channel} /> : <TestButton channel={channel} />}
        <button type="button" className="small" data-action="remove-channel" onClick={() => setRemoving(true)}>
          Remove <span className="visually-hidden">{title}</span>
        </button>
      </div>
      {takesCode(channel) && <CodeForm channel={channel} onVerified={onChange} />}
      {kind === "webhook" && state === "unverified" && (
        <p className="channel-hint">
          A challenge is being sent to it. It is verified as soon as the receiver answers with the challenge.
        </p>
      )}
      {trouble !== null && (
        <p className="channel-hint field-error" role="status" data-testid="channel-trouble">
          {trouble}
        </p>
      )}
      {isRemoving && (
        <ConfirmDialog
          title={`Remove ${title}`}
          consequence="Alerts do not tell you there any more."
          submit="Remove"
          order={removeChannelOrder(id)}
          onTaken={() => setRemoving(false)}
          onClose={() => setRemoving(false)}
        />
      )}
    </li>
  );
}

/** Has another code sent, or another challenge. */
function AgainButton({ channel: { id, kind } }: { channel: Channel }) {
  const { alerts } = useDesk();
  const { isBusy, problem, run } = useAction();
  const [isSent, setSent] = useState(false);
  const what = proofOf(kind);
  return (
    <>
      <span role="status" className={problem === null ? "channel-told" : "field-error"}>
        {problem?.message ?? (isSent && `Another ${what} is on its way.`)}
      </span>
      <button
        type="button"
        className="small"
        data-action="send-code"
        disabled={isBusy}
        onClick={() => void run(() => alerts.sendCode(id), () => setSent(true))}
      >
        Send another {what}
      </button>
    </>
  );
}

/** Sends a test, and says what becomes of it. */
function TestButton({ channel: { id } }: { channel: Channel }) {
  const { alerts } = useDesk();
  const { isBusy, problem, run } = useAction();
  const [test, setTest] = useState<string | null>(null);
  const state = useTestState(id, test);
  const words = problem?.message ?? (state === null ? "" : testWords(state));
  const isBad = problem !== null || (state !== null && state.error !== "" && state.state !== "sent");
  return (
    <>
      <span role="status" className={isBad ? "field-error" : "channel-told"} data-test={state?.state}>
        {words}
      </span>
      <button
        type="button"
        className="small"
        data-action="test-channel"
        disabled={isBusy}
        onClick={() => void run(() => alerts.test(id), setTest)}
      >
        Send a test
      </button>
    </>
  );
}

const LOOK_EVERY_MS = 1_000;

/** How the latest test is getting on; null where there is none. */
function useTestState(channel: string, test: string | null): ChannelTest | null {
  const { alerts } = useDesk();
  const [decided, setDecided] = useState<{ readonly test: string; readonly state: ChannelTest } | null>(null);
  const isOver = decided !== null && decided.test === test;
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const state = await alerts.tested(channel, test ?? "", signal);
      if (test !== null && isDecided(state)) setDecided({ test, state });
      return { test, state };
    },
    [alerts, channel, test],
  );
  const { answer } = useAsked(test === null || isOver ? null : ask, LOOK_EVERY_MS);
  if (isOver) return decided.state;
  if (test === null) return null;
  return answer?.test === test ? answer.state : QUEUED;
}

const QUEUED: ChannelTest = { state: "queued", error: "" };

function CodeForm({ channel: { id }, onVerified }: { channel: Channel; onVerified: () => void }) {
  const { alerts } = useDesk();
  const { isBusy, problem, run } = useAction();
  const [code, setCode] = useState("");
  const verify = (event: FormEvent) => {
    event.preventDefault();
    void run(() => alerts.verify(id, code.trim()), onVerified);
  };
  return (
    <form className="channel-code" onSubmit={verify} noValidate data-testid="verify-form">
      <TextField
        name="code"
        label="The 6 digits that were sent there"
        error={errorOf(problem, "code") ?? problem?.message ?? null}
        value={code}
        onValue={setCode}
        more={{ inputMode: "numeric", autoComplete: "one-time-code", maxLength: 7 }}
      />
      <button type="submit" className="primary" disabled={isBusy || code.trim() === ""}>
        {isBusy ? "One moment…" : "Verify"}
      </button>
    </form>
  );
}
