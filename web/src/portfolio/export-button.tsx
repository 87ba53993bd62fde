import { useState } from "react";
import { ApiError } from "../api/problem";
import { useDesk } from "../desk/desk-context";

interface ExportButtonProps {
  portfolio: string;
  name: string;
}

/** Saves all transactions that take effect as a file, which can be imported again. */
export function ExportButton({ portfolio, name }: ExportButtonProps) {
  const { portfolios } = useDesk();
  const [problem, setProblem] = useState<string | null>(null);
  const save = async () => {
    setProblem(null);
    try {
      download(await portfolios.exported(portfolio), `${name}.csv`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.message);
    }
  };
  return (
    <>
      <button type="button" className="small" data-action="export" onClick={() => void save()}>
        Export
      </button>
      <span role="alert" className="form-error">
        {problem}
      </span>
    </>
  );
}

function download(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
