import type { ApiError } from "../api/problem";

interface FormEndProps {
  submit: string;
  isBusy: boolean;
  /** There is nothing to be sent yet. */
  isDisabled?: boolean;
  /** What belongs to no field of the form. */
  problem: ApiError | null;
}

/** The end of a form: what is wrong with it as a whole, and its button. */
export function FormEnd({ submit, isBusy, isDisabled = false, problem }: FormEndProps) {
  return (
    <footer>
      <p className="form-error" role="alert" data-testid="form-error">
        {problem?.message}
      </p>
      <button type="submit" className="primary" disabled={isBusy || isDisabled}>
        {isBusy ? "One moment…" : submit}
      </button>
    </footer>
  );
}

/** The server's sentence about a field, if that is what it refused. */
export function errorOf(problem: ApiError | null, field: string): string | null {
  return problem?.field === field ? problem.message : null;
}
