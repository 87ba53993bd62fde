import { type FormEvent, useState } from "react";
import { Dialog } from "../forms/dialog";
import { FormEnd, errorOf } from "../forms/form-end";
import { TextField } from "../forms/text-field";
import { useOrder } from "../orders/use-order";
import { renameOrder } from "./orders";

interface RenameDialogProps {
  id: string;
  name: string;
  onClose: () => void;
}

export function RenameDialog({ id, name, onClose }: RenameDialogProps) {
  const [newName, setNewName] = useState(name);
  const { isBusy, problem, give } = useOrder();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void give(renameOrder(id, newName), `Rename ${name} to ${newName}`, onClose);
  };
  return (
    <Dialog title={`Rename ${name}`} isBusy={isBusy} onClose={onClose}>
      <form onSubmit={submit} noValidate data-testid="rename-portfolio">
        <TextField name="name" label="New name" error={errorOf(problem, "name")} value={newName} onValue={setNewName} />
        <FormEnd submit="Rename" isBusy={isBusy} problem={problem?.field === "name" ? null : problem} />
      </form>
    </Dialog>
  );
}
