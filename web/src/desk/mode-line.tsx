import { useMode } from "../stream/hooks";
import { modeWords } from "../stream/mode";

/** What a busy server leaves out, in one quiet line. */
export function ModeLine() {
  const mode = useMode();
  const words = modeWords(mode);
  return (
    <p role="status" className="mode-line" data-testid="mode" data-mode={mode.name} hidden={words === null}>
      {words}
    </p>
  );
}
