import type { IfTrue } from "./rule-form";

const CHOICES: readonly (readonly [IfTrue, string])[] = [
  ["wait", "Wait until it goes back and gets there again"],
  ["fire", "Fire at once"],
];

interface IfTrueChoiceProps {
  chosen: IfTrue;
  onChoose: (chosen: IfTrue) => void;
}

/** What to do with an alert that is true already. */
export function IfTrueChoice({ chosen, onChoose }: IfTrueChoiceProps) {
  return (
    <fieldset className="choice" data-field="if_true">
      <legend>The price is there already. What should the alert do?</legend>
      {CHOICES.map(([each, words]) => (
        <label key={each}>
          <input type="radio" name="if_true" value={each} checked={each === chosen} onChange={() => onChoose(each)} />
          {words}
        </label>
      ))}
    </fieldset>
  );
}
