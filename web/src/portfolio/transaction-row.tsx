import { localOf } from "../format/local-time";
import { splitSymbol } from "../format/symbols";
import { kindWord } from "./kinds";
import { directionOf, formatDecimal, formatGain } from "./money";
import type { Shown } from "./transactions";

interface TransactionRowProps extends Shown {
  onCorrect: () => void;
  onVoid: () => void;
}

/** One transaction on record. What has no effect any more is struck out; what can be corrected, has the buttons. */
export function TransactionRow({ transaction, state, onCorrect, onVoid }: TransactionRowProps) {
  const { id, kind, symbol, quantity, price, commission, cash, executedAt, note, corrects } = transaction;
  const word = kindWord(kind);
  const ticker = splitSymbol(symbol ?? "").ticker;
  return (
    <tr data-transaction={id} data-kind={kind} data-state={state}>
      <td data-field="executed_at">
        <time dateTime={executedAt}>{localOf(executedAt).replace("T", " ")}</time>
      </td>
      <td data-field="type">
        {word}
        <small>{state === "effective" ? corrects !== null && "correction" : state}</small>
      </td>
      <td data-field="symbol">{ticker}</td>
      <td data-field="quantity">{quantity === null ? "" : formatDecimal(quantity)}</td>
      <td data-field="price">{price === null ? "" : formatDecimal(price)}</td>
      <td data-field="commission">{commission === null ? "" : formatDecimal(commission)}</td>
      <td data-field="cash" data-value={cash} data-direction={directionOf(cash)}>
        {formatGain(cash)}
      </td>
      <td data-field="note" title={note}>
        {note}
      </td>
      <td data-field="actions">
        {state === "effective" && (
          <>
            <button type="button" className="small" data-action="correct" onClick={onCorrect}>
              Correct <span className="visually-hidden">{`${word} ${ticker}`}</span>
            </button>
            <button type="button" className="small" data-action="void" onClick={onVoid}>
              Void <span className="visually-hidden">{`${word} ${ticker}`}</span>
            </button>
          </>
        )}
      </td>
    </tr>
  );
}
