import { type FormEvent, useState } from "react";
import { Dialog } from "../forms/dialog";
import { FormEnd, errorOf } from "../forms/form-end";
import { SymbolField } from "../forms/symbol-field";
import { FieldFrame, TextField } from "../forms/text-field";
import { localOf } from "../format/local-time";
import { useOrder } from "../orders/use-order";
import {
  type Field,
  KINDS,
  type Kind,
  NO_VALUES,
  type Values,
  correctionOf,
  fieldWords,
  fieldsOf,
  isComplete,
  kindWord,
  requestOf,
} from "./kinds";
import { correctOrder, recordOrder } from "./orders";
import { PreviewFigures } from "./preview-figures";
import type { Transaction } from "./transactions";
import { usePreview } from "./use-preview";

interface TransactionDialogProps {
  portfolio: string;
  currency: string;
  /** What is to be corrected; null: a new transaction. */
  corrected: Transaction | null;
  onClose: () => void;
}

/** Records a transaction, or puts another in the place of one. The server judges the fields, while they are typed. */
export function TransactionDialog({ portfolio, currency, corrected, onClose }: TransactionDialogProps) {
  const [kind, setKind] = useState<Kind>(corrected?.kind ?? "BUY");
  const [initial] = useState(() => (corrected === null ? NO_VALUES : valuesOf(corrected)));
  const [values, setValues] = useState(initial);
  const { isBusy, problem: refusal, give } = useOrder();
  // The refusal of what was sent speaks until something else is typed.
  const [sent, setSent] = useState<string | null>(null);

  const order =
    corrected === null
      ? recordOrder(portfolio, requestOf(kind, values))
      : correctOrder(portfolio, corrected.id, correctionOf(kind, values, initial));
  const literal = JSON.stringify(order);
  const { answer: preview, problem: doubt } = usePreview(isComplete(kind, values) ? order : null);
  const problem = sent === literal ? refusal : doubt;
  const shown = fieldsOf(kind);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSent(literal);
    void give(order, wordsOf(kind, values), onClose);
  };
  return (
    <Dialog title={corrected === null ? "Record a transaction" : "Correct a transaction"} isBusy={isBusy} onClose={onClose}>
      <form className="transaction-form" onSubmit={submit} noValidate data-testid="transaction-form">
        <FieldFrame name="type" label="Type" error={errorOf(problem, "type")}>
          {(control) => (
            <select {...control} value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
              {KINDS.map((each) => (
                <option key={each} value={each}>
                  {kindWord(each)}
                </option>
              ))}
            </select>
          )}
        </FieldFrame>
        {shown.map((field) => (
          <Control
            key={field}
            field={field}
            label={fieldWords(kind)[field] ?? field}
            error={errorOf(problem, field)}
            value={values[field]}
            onValue={(value) => setValues((before) => ({ ...before, [field]: value }))}
          />
        ))}
        <PreviewFigures preview={preview} currency={currency} />
        <FormEnd
          submit={corrected === null ? "Record" : "Correct"}
          isBusy={isBusy}
          problem={isField(problem?.field ?? null, shown) ? null : problem}
        />
      </form>
    </Dialog>
  );
}

interface ControlProps {
  field: Field;
  label: string;
  error: string | null;
  value: string;
  onValue: (value: string) => void;
}

function Control({ field, ...rest }: ControlProps) {
  switch (field) {
    case "symbol":
      return <SymbolField {...rest} />;
    case "executed_at":
      return <TextField name={field} {...rest} more={{ type: "datetime-local", step: 1 }} />;
    case "note":
      return <TextField name={field} {...rest} more={{ maxLength: 200 }} />;
    default:
      return <TextField name={field} {...rest} more={{ inputMode: "decimal" }} />;
  }
}

function isField(name: string | null, shown: readonly Field[]): boolean {
  return name === "type" || shown.some((field) => field === name);
}

function valuesOf({ symbol, quantity, price, commission, executedAt, note }: Transaction): Values {
  return {
    symbol: symbol ?? "",
    quantity: quantity ?? "",
    price: price ?? "",
    commission: commission ?? "",
    executed_at: localOf(executedAt),
    note,
  };
}

function wordsOf(kind: Kind, { symbol, quantity, price }: Values): string {
  return [kindWord(kind), ...(fieldsOf(kind).includes("symbol") ? [quantity, symbol] : [price])].join(" ");
}
