import { useId } from "react";
import type { ApiError } from "../api/problem";
import { alertsAddress } from "../desk/place";
import { errorOf } from "../forms/form-end";
import { KIND_WORDS, choosable } from "./channels";
import { useChannels } from "./use-alerts";

interface ChannelChoiceProps {
  chosen: readonly string[];
  problem: ApiError | null;
  onChoose: (chosen: readonly string[]) => void;
}

/** Whom an alert tells, beside this page. */
export function ChannelChoice({ chosen, problem, onChoose }: ChannelChoiceProps) {
  const { channels } = useChannels();
  const errorId = useId();
  const offered = choosable(channels, chosen);
  const toggle = (id: string) =>
    onChoose(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  return (
    <fieldset className="choice" data-field="notificationChannels" aria-describedby={errorId}>
      <legend>Tell me here, and by</legend>
      {offered.map(({ id, kind, name, address }) => (
        <label key={id}>
          <input type="checkbox" checked={chosen.includes(id)} onChange={() => toggle(id)} />
          <span>{name || KIND_WORDS[kind].name}</span> <small>{name === address || kind === "webpush" ? KIND_WORDS[kind].name : address}</small>
        </label>
      ))}
      {offered.length === 0 && (
        <p>
          Nothing else yet.{" "}
          <a className="link" href={alertsAddress("channels")}>
            Add e-mail, this browser and others
          </a>
        </p>
      )}
      <p id={errorId} className="field-error" role="alert">
        {errorOf(problem, "notificationChannels")}
      </p>
    </fieldset>
  );
}
