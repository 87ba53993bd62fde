import { useNowMs } from "../clock/ticker";
import { formatMoment } from "../format/moment";
import { formatExactPrice } from "../format/numbers";
import { type RulePreview, placesOf, timesWords } from "./rule-preview";

const DAYS = [1, 7, 30];

interface PreviewBoxProps {
  preview: RulePreview | null;
  days: number;
  onDays: (days: number) => void;
}

/** How often the rule in the form would have fired lately, and when. */
export function PreviewBox({ preview, days, onDays }: PreviewBoxProps) {
  return (
    <section className="rule-preview" aria-label="Preview" data-testid="rule-preview" data-count={preview?.count ?? ""}>
      <div role="group" aria-label="How far back to look">
        {DAYS.map((each) => (
          <button key={each} type="button" data-days={each} aria-pressed={each === days} onClick={() => onDays(each)}>
            {daysWords(each)}
          </button>
        ))}
      </div>
      <p role="status">
        {preview === null ? (
          "How often would it have fired?"
        ) : (
          <>
            Would have fired <b>{timesWords(preview.count)}</b> in {daysWords(days)}.
          </>
        )}
      </p>
      <Timeline preview={preview} />
    </section>
  );
}

function Timeline({ preview }: { preview: RulePreview | null }) {
  const nowMs = useNowMs();
  const last = preview?.firings.at(-1);
  return (
    <>
      <div className="timeline" aria-hidden="true">
        {preview !== null &&
          placesOf(preview).map((place, index) => (
            // Two firings may be at one place.
            // oxlint-disable-next-line react/no-array-index-key
            <i key={index} style={{ "--at": place } as React.CSSProperties} />
          ))}
      </div>
      {last !== undefined && (
        <small>
          Last at {formatExactPrice(last.price)}, <time dateTime={last.firedAt}>{formatMoment(last.firedAt, nowMs)}</time>
        </small>
      )}
    </>
  );
}

function daysWords(days: number): string {
  return days === 1 ? "1 day" : `${days} days`;
}
