import { directionOf, formatDecimal, formatGain } from "./money";
import type { Preview } from "./preview";

interface PreviewFiguresProps {
  preview: Preview | null;
  currency: string;
}

/** What the transaction in the form would come to. */
export function PreviewFigures({ preview, currency }: PreviewFiguresProps) {
  return (
    <div role="status" aria-label="Preview" className="preview" data-testid="preview">
      {preview !== null && (
        <dl>
          <Line field="cash" title={`Effect on cash, ${currency}`} direction={directionOf(preview.transaction.cash)}>
            {formatGain(preview.transaction.cash)}
          </Line>
          <Line field="cash_after" title="Cash afterwards">
            {formatDecimal(preview.cash.after)}
          </Line>
          {preview.holdings.map(({ symbol, quantity }) => (
            <Line key={symbol} field="holding" title={symbol}>
              {formatDecimal(quantity.before)} → {formatDecimal(quantity.after)}
            </Line>
          ))}
        </dl>
      )}
    </div>
  );
}

interface LineProps {
  field: string;
  title: string;
  direction?: string;
  children: React.ReactNode;
}

function Line({ field, title, direction, children }: LineProps) {
  return (
    <div data-field={field}>
      <dt>{title}</dt>
      <dd data-direction={direction}>{children}</dd>
    </div>
  );
}
