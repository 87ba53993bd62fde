import { type InputHTMLAttributes, type ReactNode, useId } from "react";

interface FieldFrameProps {
  name: string;
  label: string;
  /** The server's sentence about this field. */
  error: string | null;
  children: (control: ControlProps) => ReactNode;
}

export interface ControlProps {
  id: string;
  name: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
}

/** A label, its control, and under it what the server says about it. */
export function FieldFrame({ name, label, error, children }: FieldFrameProps) {
  const id = useId();
  const errorId = `${id}-error`;
  const invalid = error === null ? {} : ({ "aria-invalid": true, "aria-describedby": errorId } as const);
  return (
    <div className="field" data-field={name}>
      <label htmlFor={id}>{label}</label>
      {children({ id, name, ...invalid })}
      <p id={errorId} className="field-error" role="alert">
        {error}
      </p>
    </div>
  );
}

interface TextFieldProps {
  name: string;
  label: string;
  error: string | null;
  value: string;
  onValue: (value: string) => void;
  more?: InputHTMLAttributes<HTMLInputElement>;
}

export function TextField({ name, label, error, value, onValue, more }: TextFieldProps) {
  return (
    <FieldFrame name={name} label={label} error={error}>
      {(control) => (
        <input
          type="text"
          autoComplete="off"
          spellCheck={false}
          {...control}
          {...more}
          value={value}
          onChange={(event) => onValue(event.target.value)}
        />
      )}
    </FieldFrame>
  );
}
