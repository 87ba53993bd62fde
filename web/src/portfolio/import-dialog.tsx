import { type FormEvent, useState } from "react";
import type { ApiError } from "../api/problem";
import { Dialog } from "../forms/dialog";
import { FormEnd } from "../forms/form-end";
import { FieldFrame } from "../forms/text-field";
import { useOrder } from "../orders/use-order";
import { lineProblems } from "./import-result";
import { importOrder } from "./orders";
import { useDryRun } from "./use-dry-run";

interface ImportDialogProps {
  portfolio: string;
  onClose: () => void;
}

/** Imports a file, whole or not at all. It is tried as soon as it is chosen, and every bad line is named. */
export function ImportDialog({ portfolio, onClose }: ImportDialogProps) {
  const [file, setFile] = useState<Blob | null>(null);
  const tried = useDryRun(portfolio, file);
  const { isBusy, problem: refusal, give } = useOrder();
  const [sent, setSent] = useState<Blob | null>(null);
  const problem = (sent === file ? refusal : null) ?? tried.problem;
  const choose = async (chosen: File | undefined) => {
    // A copy: what is imported is what was tried, also if the file on the disk is written meanwhile.
    setFile(chosen === undefined ? null : new Blob([await chosen.arrayBuffer()]));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSent(file);
    if (file !== null) void give(importOrder(portfolio, file), "Import of a file", onClose);
  };
  return (
    <Dialog title="Import transactions" isBusy={isBusy} onClose={onClose}>
      <form onSubmit={submit} noValidate data-testid="import-form">
        <p className="portfolio-hint">
          The first line names the columns: <code>type,symbol,quantity,price,commission,executed_at,note</code>.
        </p>
        <FieldFrame name="file" label="CSV file" error={null}>
          {(control) => (
            <input
              {...control}
              type="file"
              accept=".csv,text/csv"
              onChange={(event) => void choose(event.target.files?.[0])}
            />
          )}
        </FieldFrame>
        <p role="status" data-testid="import-rows">
          {tried.rows !== null && `${tried.rows} transactions, all of them in order.`}
        </p>
        {problem !== null && <LineProblems problem={problem} />}
        <FormEnd submit="Import" isBusy={isBusy} isDisabled={tried.rows === null} problem={problem} />
      </form>
    </Dialog>
  );
}

function LineProblems({ problem }: { problem: ApiError }) {
  const problems = lineProblems(problem);
  if (problems.length === 0) return null;
  return (
    <div className="line-problems">
      <table data-testid="line-problems">
        <caption className="visually-hidden">Lines that are wrong</caption>
        <thead>
          <tr>
            <th scope="col">Line</th>
            <th scope="col">Column</th>
            <th scope="col">What is wrong</th>
          </tr>
        </thead>
        <tbody>
          {problems.map(({ line, field, reason }, index) => (
            // A line may have several problems in one column.
            // oxlint-disable-next-line react/no-array-index-key
            <tr key={index} data-line={line}>
              <td>{line}</td>
              <td>{field}</td>
              <td>{reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
