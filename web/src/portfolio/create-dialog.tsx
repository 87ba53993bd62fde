import { type FormEvent, useState } from "react";
import { record, string } from "../api/fields";
import { understood } from "../api/understood";
import { goTo, portfolioAddress } from "../desk/place";
import { Dialog } from "../forms/dialog";
import { FormEnd, errorOf } from "../forms/form-end";
import { TextField } from "../forms/text-field";
import { useOrder } from "../orders/use-order";
import { createOrder } from "./orders";

const FIELDS: ReadonlySet<string | null> = new Set(["name", "currency"]);

export function CreateDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [currency, setCurrency] = useState("USD");
  const { isBusy, problem, give } = useOrder();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void give(createOrder(name, currency.trim().toUpperCase()), `New portfolio ${name}`, (body) => {
      onClose();
      if (body !== null) goTo(portfolioAddress(understood(body, (given) => string(record(given)["id"]))));
    });
  };
  return (
    <Dialog title="New portfolio" isBusy={isBusy} onClose={onClose}>
      <form onSubmit={submit} noValidate data-testid="create-portfolio">
        <TextField name="name" label="Name" error={errorOf(problem, "name")} value={name} onValue={setName} />
        <TextField
          name="currency"
          label="Currency"
          error={errorOf(problem, "currency")}
          value={currency}
          onValue={setCurrency}
          more={{ maxLength: 3, autoCapitalize: "characters" }}
        />
        <FormEnd submit="Open" isBusy={isBusy} problem={FIELDS.has(problem?.field ?? null) ? null : problem} />
      </form>
    </Dialog>
  );
}
