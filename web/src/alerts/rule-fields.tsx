import type { ApiError } from "../api/problem";
import { errorOf } from "../forms/form-end";
import { SelectField } from "../forms/select-field";
import { SymbolField } from "../forms/symbol-field";
import { TextField } from "../forms/text-field";
import { formatExactPrice, formatPercent } from "../format/numbers";
import { useQuote } from "../stream/hooks";
import { distanceOf } from "./distance";
import type { Values } from "./rule-form";
import { type Alert, CONDITIONS, type Reference, REPEATS } from "./rules";
import { CONDITION_WORDS, REPEAT_WORDS, cooldownWords } from "./words";

const CONDITION_OPTIONS = CONDITIONS.map((each) => [each, CONDITION_WORDS[each]] as const);
const REPEAT_OPTIONS = REPEATS.map((each) => [each, REPEAT_WORDS[each]] as const);

const REFERENCE_OPTIONS: readonly (readonly [Reference, string])[] = [
  ["prev_close", "The previous close"],
  ["created", "The price now"],
];

const COOLDOWNS_S = [0, 60, 300, 900, 3_600, 14_400, 86_400];

interface FieldsProps {
  values: Values;
  problem: ApiError | null;
  onChange: (changes: Partial<Values>) => void;
}

interface RuleFieldsProps extends FieldsProps {
  /** Its symbol and the kind of its condition stay. Null: a new one. */
  edited: Alert | null;
}

/** What is waited for, and how often. */
export function RuleFields({ values, edited, problem, onChange }: RuleFieldsProps) {
  const { symbol, condition, threshold, reference, repeat, cooldown } = values;
  const isNew = edited === null;
  const isPercent = condition === "CHANGE_PCT";
  const error = (field: string) => errorOf(problem, field);
  return (
    <>
      {isNew && (
        <SymbolField label="Symbol" error={error("symbol")} value={symbol} onValue={(value) => onChange({ symbol: value })} />
      )}
      <SelectField
        name="condition"
        label="When it"
        error={error("condition")}
        value={condition}
        options={CONDITION_OPTIONS}
        onValue={(value) => onChange({ condition: value })}
        isDisabled={!isNew}
      />
      <TextField
        name="threshold"
        label={isPercent ? "Percent, up or down" : "Price"}
        error={error("threshold")}
        value={threshold}
        onValue={(value) => onChange({ threshold: value })}
        more={{ inputMode: "decimal", ...(symbol !== "" && { "data-first": "" }) }}
      />
      {isPercent && (
        <SelectField
          name="reference"
          label="Counted from"
          error={error("reference")}
          value={reference}
          options={REFERENCE_OPTIONS}
          onValue={(value) => onChange({ reference: value })}
          isDisabled={!isNew}
        />
      )}
      <ToGo values={values} referencePrice={edited?.referencePrice ?? null} />
      <SelectField
        name="repeat"
        label="How often"
        error={error("repeat")}
        value={repeat}
        options={REPEAT_OPTIONS}
        onValue={(value) => onChange({ repeat: value })}
      />
      {repeat !== "once" && (
        <SelectField
          name="cooldown"
          label="Then quiet for"
          error={error("cooldown")}
          value={cooldown}
          options={cooldownOptions(cooldown)}
          onValue={(value) => onChange({ cooldown: value })}
        />
      )}
    </>
  );
}

/** Until when, and what for. */
export function MoreFields({ values: { expires, note }, problem, onChange }: FieldsProps) {
  return (
    <>
      <TextField
        name="expires_at"
        label="Until (empty: for good)"
        error={errorOf(problem, "expires_at")}
        value={expires}
        onValue={(value) => onChange({ expires: value })}
        more={{ type: "datetime-local" }}
      />
      <TextField
        name="note"
        label="Note to yourself"
        error={errorOf(problem, "note")}
        value={note}
        onValue={(value) => onChange({ note: value })}
        more={{ maxLength: 500 }}
      />
    </>
  );
}

interface ToGoProps {
  values: Values;
  /** What it counts from, where that is fixed already. */
  referencePrice: number | null;
}

/** The price now, and how far that is from where it would fire. */
function ToGo({ values, referencePrice }: ToGoProps) {
  const { symbol, condition, reference, threshold } = values;
  const quote = useQuote(symbol);
  const last = quote?.last ?? null;
  if (last === null) return null;
  const rule = { condition, reference, threshold: Number(threshold), referencePrice: referencePrice ?? last };
  const distance = rule.threshold > 0 ? distanceOf(rule, quote) : null;
  return (
    <p className="to-go" data-testid="to-go">
      Now at <b>{formatExactPrice(last)}</b>
      {distance !== null && distance.percent !== 0 && ` · ${formatPercent(distance.percent)} to go`}
    </p>
  );
}

function cooldownOptions(chosen: number): (readonly [number, string])[] {
  const all = COOLDOWNS_S.includes(chosen) ? COOLDOWNS_S : [...COOLDOWNS_S, chosen].toSorted((one, other) => one - other);
  return all.map((seconds) => [seconds, seconds === 0 ? "No time" : cooldownWords(seconds)] as const);
}

/** Whether a field of the request stands in the form, so that what is wrong with it is said there. */
export function isField(name: string | null, { condition, repeat }: Values): boolean {
  switch (name) {
    case "symbol":
    case "condition":
    case "threshold":
    case "repeat":
    case "expires_at":
    case "note":
    case "notificationChannels":
      return true;
    case "reference":
      return condition === "CHANGE_PCT";
    case "cooldown":
      return repeat !== "once";
    default:
      return false;
  }
}
