import { type FormEvent, useState } from "react";
import { useAction } from "../asking/use-action";
import { useDesk } from "../desk/desk-context";
import { Dialog } from "../forms/dialog";
import { FormEnd, errorOf } from "../forms/form-end";
import { TextField } from "../forms/text-field";
import { type ChannelKind, KIND_WORDS } from "./channels";

interface ChannelDialogProps {
  kind: ChannelKind;
  onAdded: () => void;
  onClose: () => void;
}

const FIELDS: ReadonlySet<string | null> = new Set(["address", "name"]);

/** Adds a way to be reached, which is verified afterwards. */
export function ChannelDialog({ kind, onAdded, onClose }: ChannelDialogProps) {
  const { alerts } = useDesk();
  const { isBusy, problem, run } = useAction();
  const [address, setAddress] = useState("");
  const [name, setName] = useState("");
  const [secret, setSecret] = useState<string | null>(null);
  const words = KIND_WORDS[kind];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const fields = { kind, address: address.trim(), ...(name.trim() !== "" && { name: name.trim() }) };
    void run(
      () => alerts.addChannel(fields),
      (made) => {
        onAdded();
        if (made.secret === null) onClose();
        else setSecret(made.secret);
      },
    );
  };
  if (secret !== null) return <SecretDialog secret={secret} onClose={onClose} />;
  return (
    <Dialog title={words.name} isBusy={isBusy} onClose={onClose}>
      <form onSubmit={submit} noValidate data-testid="channel-form">
        <p className="channel-hint">{words.about}</p>
        <TextField
          name="address"
          label={words.address}
          error={errorOf(problem, "address")}
          value={address}
          onValue={setAddress}
          more={{ placeholder: words.example, autoCapitalize: "none" }}
        />
        <TextField
          name="name"
          label="Name (empty: what it is)"
          error={errorOf(problem, "name")}
          value={name}
          onValue={setName}
          more={{ maxLength: 60 }}
        />
        <FormEnd submit="Add" isBusy={isBusy} problem={FIELDS.has(problem?.field ?? null) ? null : problem} />
      </form>
    </Dialog>
  );
}

/** The only time that a webhook's secret is to be seen. */
function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog title="The webhook's secret" isBusy={false} onClose={onClose}>
      <form method="dialog" onSubmit={onClose} data-testid="channel-secret">
        <p>
          Messages are signed with it, as Standard Webhooks asks. Keep it where the receiver finds it: it is shown only
          now.
        </p>
        <p>
          <code>{secret}</code>
        </p>
        <FormEnd submit="I have it" isBusy={false} problem={null} />
      </form>
    </Dialog>
  );
}
