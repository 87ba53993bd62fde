import type { CSSProperties } from "react";
import { formatExactPrice, formatSize } from "../format/numbers";
import type { LadderRow } from "./ladder";

interface DepthSideProps {
  side: "bids" | "asks";
  rows: readonly (LadderRow | null)[];
}

/** One side of the book. The columns mirror each other, so that the best prices meet in the middle. */
export function DepthSide({ side, rows }: DepthSideProps) {
  const title = side === "bids" ? "Bid" : "Ask";
  const order = <T,>(orders: T, size: T, price: T) => (side === "bids" ? [orders, size, price] : [price, size, orders]);
  return (
    <table className="depth-side" data-testid={`depth-${side}`} data-side={side}>
      <caption className="visually-hidden">{title} side of the book, best first</caption>
      <thead>
        <tr>
          {order("Ord", "Size", title).map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, level) => {
          const cells = order(
            <td key="orders" className="orders">
              {row?.orders}
            </td>,
            <td key="size" className="size">
              {row === null ? "" : formatSize(row.size)}
            </td>,
            <td key="price" className="price" data-value={row?.price ?? ""}>
              {row === null ? "\u00a0" : formatExactPrice(row.price)}
            </td>,
          );
          return (
            // A level is its place in the book: rows never move, their values do.
            // oxlint-disable-next-line react/no-array-index-key
            <tr key={level} style={{ "--share": row?.share ?? 0 } as CSSProperties} data-empty={row === null || undefined}>
              {cells}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
