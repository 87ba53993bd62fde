import type { FormEvent } from "react";
import type { Order } from "../api/orders";
import { useOrder } from "../orders/use-order";
import { Dialog } from "./dialog";
import { FormEnd } from "./form-end";

interface ConfirmDialogProps {
  title: string;
  /** What will be so afterwards. */
  consequence: string;
  submit: string;
  order: Order;
  onTaken: () => void;
  onClose: () => void;
}

/** Asks once more before something that cannot be taken back. */
export function ConfirmDialog({ title, consequence, submit, order, onTaken, onClose }: ConfirmDialogProps) {
  const { isBusy, problem, give } = useOrder();
  const confirm = (event: FormEvent) => {
    event.preventDefault();
    void give(order, title, onTaken);
  };
  return (
    <Dialog title={title} isBusy={isBusy} onClose={onClose}>
      <form onSubmit={confirm} data-testid="confirm">
        <p>{consequence}</p>
        <FormEnd submit={submit} isBusy={isBusy} problem={problem} />
      </form>
    </Dialog>
  );
}
