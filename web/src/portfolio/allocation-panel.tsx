import type { CSSProperties } from "react";
import { splitSymbol } from "../format/symbols";
import { type Part, allocation, withOthers } from "./allocation";
import type { Holding } from "./valuation";

/** What the holdings' worth is made of, reckoned anew from every message's rows. */
export function AllocationPanel({ holdings }: { holdings: readonly Holding[] }) {
  if (holdings.length === 0) return null;
  return (
    <section className="portfolio-part allocation" aria-label="Allocation" data-testid="allocation">
      <h2>Allocation</h2>
      <div className="allocation-sides">
        <Bars by="symbol" title="By symbol" parts={allocation(holdings, ({ symbol }) => symbol)} />
        <Bars by="sector" title="By sector" parts={allocation(holdings, ({ sector }) => sector)} />
      </div>
    </section>
  );
}

interface BarsProps {
  by: string;
  title: string;
  parts: readonly Part[];
}

function Bars({ by, title, parts }: BarsProps) {
  return (
    <div data-by={by}>
      <h3>{title}</h3>
      <ol>
        {withOthers(parts).map(({ key, percent }) => (
          <li
            key={key}
            data-key={key}
            data-percent={percent ?? ""}
            style={{ "--share": `${percent ?? 0}%` } as CSSProperties}
          >
            <span title={key}>{splitSymbol(key).ticker}</span>
            <b>{percent === null ? "–" : `${percent.toFixed(1)}%`}</b>
          </li>
        ))}
      </ol>
    </div>
  );
}
