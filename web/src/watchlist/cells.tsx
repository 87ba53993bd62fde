import { memo } from "react";
import { type Direction, positionBetween } from "../format/change";
import { formatPrice, formatSize } from "../format/numbers";
import { formatAge, freshness } from "../format/times";
import { useAge } from "../clock/use-age";
import { useFlash } from "./use-flash";

/** Cells take plain numbers and are memoised: of a row that ticks, only what changed renders. */

interface NumberCellProps {
  field: string;
  value: number | null;
  text: string;
  direction?: Direction;
}

export const NumberCell = memo(function NumberCell({ field, value, text, direction }: NumberCellProps) {
  return (
    <td role="cell" data-field={field} data-value={value ?? ""} data-direction={direction}>
      {text}
    </td>
  );
});

export const LastCell = memo(function LastCell({ value, text }: { value: number | null; text: string }) {
  const cell = useFlash<HTMLTableCellElement>(value);
  return (
    <td role="cell" ref={cell} data-field="last" data-value={value ?? ""}>
      <span className="price">{text}</span>
    </td>
  );
});

interface SideCellProps {
  field: "bid" | "ask";
  price: number | null;
  size: number | null;
}

/** "187.42 × 300": the price flashes, the size only changes. */
export const SideCell = memo(function SideCell({ field, price, size }: SideCellProps) {
  const cell = useFlash<HTMLTableCellElement>(price);
  return (
    <td role="cell" ref={cell} data-field={field} data-value={price ?? ""} data-size={size ?? ""}>
      <span className="price">{formatPrice(price)}</span>
      <span className="size">
        <span aria-hidden="true">×</span>
        <span className="visually-hidden"> size </span>
        {formatSize(size)}
      </span>
    </td>
  );
});

interface RangeCellProps {
  last: number | null;
  low: number | null;
  high: number | null;
}

export const RangeCell = memo(function RangeCell({ last, low, high }: RangeCellProps) {
  const position = positionBetween(last, low, high);
  return (
    <td role="cell" data-field="range">
      <span className="range">
        <span>{formatPrice(low)}</span>
        <span className="range-bar" aria-hidden="true">
          {position !== null && <span style={{ left: `${(position * 100).toFixed(1)}%` }} />}
        </span>
        <span className="visually-hidden"> to </span>
        <span>{formatPrice(high)}</span>
      </span>
    </td>
  );
});

export const AgeCell = memo(function AgeCell({ receivedUs }: { receivedUs: number | null }) {
  const ageMs = useAge(receivedUs);
  return (
    <td role="cell" data-field="age" data-value={ageMs ?? ""} data-freshness={freshness(ageMs)}>
      {formatAge(ageMs)}
    </td>
  );
});
