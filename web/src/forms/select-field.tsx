import { FieldFrame } from "./text-field";

interface SelectFieldProps<T extends string | number> {
  name: string;
  label: string;
  error: string | null;
  value: T;
  options: readonly (readonly [T, string])[];
  onValue: (value: T) => void;
  isDisabled?: boolean;
}

/** One of a few. */
export function SelectField<T extends string | number>(props: SelectFieldProps<T>) {
  const { name, label, error, value, options, onValue, isDisabled = false } = props;
  return (
    <FieldFrame name={name} label={label} error={error}>
      {(control) => (
        <select
          {...control}
          value={value}
          disabled={isDisabled}
          onChange={(event) => {
            const chosen = options.find(([each]) => String(each) === event.target.value);
            if (chosen !== undefined) onValue(chosen[0]);
          }}
        >
          {options.map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </select>
      )}
    </FieldFrame>
  );
}
