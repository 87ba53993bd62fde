import { formatSpread } from "../format/numbers";
import { spreadOf } from "./ladder";

export function SpreadLine({ bid, ask }: { bid: number | null; ask: number | null }) {
  const spread = spreadOf(bid, ask);
  return (
    <p className="spread">
      <span>Depth</span>
      <span>
        Spread <b>{formatSpread(spread?.absolute)}</b>
        {spread !== null && <small> {spread.basisPoints.toFixed(1)} bp</small>}
      </span>
    </p>
  );
}
