import { useId } from "react";
import type { ApiError } from "../api/problem";
import { alertsAddress } from "../desk/place";
import { errorOf } from "../forms/form-end";
import { choosable, titleOf, whereOf, withToggled } from "./channels";
import { useChannels } from "./use-alerts";

interface ChannelChoiceProps {
  chosen: readonly string[];
  problem: ApiError | null;
  onChoose: (chosen: readonly string[]) => void;
  /** The user goes where channels are added. */
  onLeave: () => void;
}

/** Whom an alert tells, beside this page. */
export function ChannelChoice({ chosen, problem, onChoose, onLeave }: ChannelChoiceProps) {
  const { channels } = useChannels();
  const errorId = useId();
  const offered = choosable(channels, chosen);
  return (
    <fieldset className="choice" data-field="notificationChannels" aria-describedby={errorId}>
      <legend>Tell me here, and by</legend>
      {offered.map((channel) => (
        <label key={channel.id}>
          <input
            type="checkbox"
            checked={chosen.includes(channel.id)}
            onChange={() => onChoose(withToggled(channels, chosen, channel.id))}
          />
          <span>{titleOf(channel)}</span> <small>{whereOf(channel)}</small>
        </label>
      ))}
      {offered.length === 0 && (
        <p>
          Nothing else yet.{" "}
          <a className="link" href={alertsAddress("channels")} onClick={onLeave}>
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
