import { type KeyboardEvent, useId, useRef, useState } from "react";
import { ApiError } from "../api/problem";
import type { Instrument } from "../api/market";
import { useDesk } from "../desk/desk-context";
import { useWatchlist } from "../watchlist/use-watchlist";
import { CLOSED, onKey, withResults } from "./combobox";
import { ResultList } from "./result-list";
import { useSearch } from "./use-search";
import { useSlashKey } from "./use-slash-key";

/** Type-ahead over the instruments; choosing one puts it on the watchlist. */
export function SearchBox() {
  const { api, watchlist } = useDesk();
  const { entries } = useWatchlist();
  const [text, setText] = useState("");
  const [box, setBox] = useState(CLOSED);
  const [refusal, setRefusal] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const outcome = useSearch(api, text);
  const { results } = outcome;
  useSlashKey(input);

  // Results that arrive reset the highlight; comparing during render saves a second pass through an effect.
  const [shown, setShown] = useState(outcome);
  if (shown !== outcome) {
    setShown(outcome);
    setBox(outcome.query === "" ? CLOSED : withResults(results.length));
  }

  const clear = () => {
    setText("");
    setBox(CLOSED);
    setRefusal(null);
  };
  const add = (symbol: string, name: string | null) => {
    const refused = watchlist.add(symbol, name);
    if (refused === null) clear();
    else setRefusal(refused);
  };
  const choose = (instrument: Instrument) => add(instrument.symbol, instrument.name);
  /** No result is highlighted: let the server say who this is, or why nobody. */
  const chooseTyped = async () => {
    try {
      const { symbol, name } = await api.listing(text.trim());
      add(symbol, name);
    } catch (error) {
      setRefusal(error instanceof ApiError ? error.message : "The symbol could not be looked up.");
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = onKey(box, event.key, results.length, text);
    if (!step.handled) return;
    event.preventDefault();
    setBox(step.state);
    const highlighted = results[step.state.highlighted];
    if (step.action === "choose" && highlighted !== undefined) choose(highlighted);
    if (step.action === "choose-typed") void chooseTyped();
    if (step.action === "clear") clear();
    if (step.action === "leave") input.current?.blur();
  };

  const message = refusal ?? outcome.error;
  const open = box.open && text.trim() !== "";
  return (
    <search className="search">
      <svg className="search-icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.5 10.5 3.5 3.5" />
      </svg>
      <input
        ref={input}
        data-testid="search-input"
        type="text"
        role="combobox"
        aria-label="Search instruments by ticker or name"
        aria-autocomplete="list"
        aria-expanded={open}
        aria-controls={listId}
        aria-activedescendant={open && box.highlighted >= 0 ? `${listId}-${box.highlighted}` : undefined}
        aria-keyshortcuts="/"
        placeholder="Add a symbol…"
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        maxLength={64}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setRefusal(null);
        }}
        onKeyDown={onKeyDown}
        onFocus={() => outcome.query !== "" && setBox(withResults(results.length))}
        onBlur={() => setBox(CLOSED)}
      />
      <kbd aria-hidden="true">/</kbd>
      <ResultList
        id={listId}
        open={open}
        outcome={outcome}
        highlighted={box.highlighted}
        held={new Set(entries.map((entry) => entry.symbol))}
        message={message}
        onChoose={choose}
        onHighlight={(index) => setBox({ open: true, highlighted: index })}
      />
    </search>
  );
}
