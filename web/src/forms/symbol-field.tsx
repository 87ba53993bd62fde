import { type KeyboardEvent, useId, useState } from "react";
import { useDesk } from "../desk/desk-context";
import { CLOSED, onKey, withResults } from "../search/combobox";
import { ResultList } from "../search/result-list";
import { useSearch } from "../search/use-search";
import { FieldFrame } from "./text-field";

interface SymbolFieldProps {
  label: string;
  error: string | null;
  value: string;
  onValue: (value: string) => void;
}

const NONE: ReadonlySet<string> = new Set();

/** Type-ahead over the instruments; what is typed and not chosen is for the server to understand. */
export function SymbolField({ label, error, value, onValue }: SymbolFieldProps) {
  const { api } = useDesk();
  const listId = useId();
  const [box, setBox] = useState(CLOSED);
  const [isFocused, setFocused] = useState(false);
  // What was chosen need not be searched for.
  const [chosen, setChosen] = useState(value);
  const outcome = useSearch(api, value === chosen ? "" : value);
  const { results } = outcome;
  const [shown, setShown] = useState(outcome);
  if (shown !== outcome) {
    setShown(outcome);
    setBox(isFocused && outcome.query !== "" ? withResults(results.length) : CLOSED);
  }
  const choose = (symbol: string) => {
    setChosen(symbol);
    onValue(symbol);
    setBox(CLOSED);
  };
  const open = box.open && outcome.query !== "";
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const step = onKey(box, event.key, results.length, value);
    if (!step.handled) return;
    event.preventDefault();
    setBox(step.action === "none" ? step.state : CLOSED);
    const highlighted = results[step.state.highlighted];
    if (step.action === "choose" && highlighted !== undefined) choose(highlighted.symbol);
  };
  return (
    <FieldFrame name="symbol" label={label} error={error}>
      {(control) => (
        <div className="symbol-search">
          <input
            {...control}
            type="text"
            role="combobox"
            aria-autocomplete="list"
            aria-expanded={open}
            aria-controls={listId}
            aria-activedescendant={open && box.highlighted >= 0 ? `${listId}-${box.highlighted}` : undefined}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            maxLength={64}
            value={value}
            onChange={(event) => onValue(event.target.value)}
            onKeyDown={onKeyDown}
            onFocus={() => setFocused(true)}
            onBlur={() => {
              setFocused(false);
              setBox(CLOSED);
            }}
          />
          <ResultList
            id={listId}
            open={open}
            outcome={outcome}
            highlighted={box.highlighted}
            held={NONE}
            message={outcome.error}
            onChoose={({ symbol }) => choose(symbol)}
            onHighlight={(index) => setBox({ open: true, highlighted: index })}
          />
        </div>
      )}
    </FieldFrame>
  );
}
