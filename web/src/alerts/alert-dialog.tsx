import { type FormEvent, useState } from "react";
import { useDesk } from "../desk/desk-context";
import { Dialog } from "../forms/dialog";
import { FormEnd } from "../forms/form-end";
import { splitSymbol } from "../format/symbols";
import { useOrder } from "../orders/use-order";
import { useWish } from "../stream/hooks";
import { ChannelChoice } from "./channel-choice";
import { IfTrueChoice } from "./if-true-choice";
import { createOrder, editOrder } from "./orders";
import { PreviewBox } from "./preview-box";
import { MoreFields, RuleFields, isField } from "./rule-fields";
import { type Values, changesOf, isArmedAnew, isComplete, questionOf, requestOf, withCondition } from "./rule-form";
import type { Alert } from "./rules";
import { useRulePreview } from "./use-rule-preview";
import { ruleWords } from "./words";

interface AlertDialogProps {
  /** What the form begins with. */
  start: Values;
  /** What is to be edited; null: a new alert. */
  edited: Alert | null;
  /** Hears the rule that was made, or changed. */
  onTaken?: (words: string) => void;
  onClose: () => void;
}

const DAYS = 7;

/** Makes an alert or edits one. While it is typed, the server judges it and says how often it would have fired. */
export function AlertDialog({ start, edited, onTaken, onClose }: AlertDialogProps) {
  const { market } = useDesk();
  const [values, setValues] = useState(start);
  // Whether the user chose the condition; before, it follows the price.
  const [isChosen, setChosen] = useState(false);
  const [days, setDays] = useState(DAYS);
  const { isBusy, problem: refusal, give } = useOrder();
  // The refusal of what was sent speaks until something else is typed.
  const [sent, setSent] = useState<Values | null>(null);
  const question = isComplete(values) ? questionOf(values, days) : null;
  const { answer: preview, problem: doubt } = useRulePreview(question);
  const problem = sent === values ? refusal : doubt;
  useWish(values.symbol.includes(":") ? [values.symbol] : []);

  const change = (changes: Partial<Values>) => {
    const after = { ...values, ...changes };
    const follows = edited === null && !isChosen && changes.condition === undefined;
    setChosen(isChosen || changes.condition !== undefined);
    setValues(follows ? withCondition(after, market.quote(after.symbol)?.last ?? null) : after);
  };
  const taken = () => {
    onTaken?.(ruleOf(values));
    onClose();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSent(values);
    const changes = changesOf(values, start);
    if (edited === null) void give(createOrder(requestOf(values)), wordsOf(values), taken);
    else if (Object.keys(changes).length === 0) onClose();
    else void give(editOrder(edited.id, changes), wordsOf(values), taken);
  };
  const isJudged = edited === null || isArmedAnew(values, start);
  const isTrue = isJudged && (preview?.alreadyTrue === true || problem?.code === "already_true");
  return (
    <Dialog title={titleOf(edited)} isBusy={isBusy} onClose={onClose}>
      <form className="alert-form" onSubmit={submit} noValidate data-testid="alert-form">
        <RuleFields values={values} edited={edited} problem={problem} onChange={change} />
        <PreviewBox
          preview={preview}
          isAsking={question !== null && preview === null && doubt === null}
          days={days}
          onDays={setDays}
        />
        {isTrue && <IfTrueChoice chosen={values.ifTrue} onChoose={(ifTrue) => change({ ifTrue })} />}
        <MoreFields values={values} problem={problem} onChange={change} />
        <ChannelChoice
          chosen={values.channels}
          problem={problem}
          onChoose={(channels) => change({ channels })}
          onLeave={onClose}
        />
        <FormEnd
          submit={edited === null ? "Make alert" : "Save"}
          isBusy={isBusy}
          problem={isField(problem?.field ?? null, values) ? null : problem}
        />
      </form>
    </Dialog>
  );
}

function titleOf(edited: Alert | null): string {
  return edited === null ? "New alert" : `Edit the alert on ${splitSymbol(edited.symbol).ticker}`;
}

function wordsOf(values: Values): string {
  return `Alert on ${splitSymbol(values.symbol).ticker}: ${ruleOf(values)}`;
}

function ruleOf({ condition, threshold }: Values): string {
  return ruleWords({ condition, threshold: Number(threshold) });
}
