import { memo } from "react";
import { useBook } from "../stream/hooks";
import { DepthSide } from "./depth-side";
import { ladderOf } from "./ladder";
import { SpreadLine } from "./spread-line";
import { useSilence } from "./use-silence";

interface DepthSectionProps {
  symbol: string;
  /** The quote's: the spread is there before the book, and without it. */
  bid: number | null;
  ask: number | null;
}

export const DepthSection = memo(function DepthSection({ symbol, bid, ask }: DepthSectionProps) {
  const silence = useSilence("depth", symbol);
  const ladder = ladderOf(useBook(symbol));
  return (
    <section className="depth" aria-label="Depth of the book">
      <SpreadLine bid={bid} ask={ask} />
      <div className="depth-sides" data-stale={silence === null ? undefined : ""}>
        <DepthSide side="bids" rows={ladder.bids} />
        <DepthSide side="asks" rows={ladder.asks} />
      </div>
      <p className="silence" role="status">
        {silence}
      </p>
    </section>
  );
});
