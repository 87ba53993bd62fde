import { useState } from "react";
import { useNowMs } from "../clock/ticker";
import { formatMoment } from "../format/moment";
import { formatExactPrice } from "../format/numbers";
import { type RulePreview, placesOf, timesWords } from "./rule-preview";

const DAYS = [1, 7, 30];

interface PreviewBoxProps {
  preview: RulePreview | null;
  /** The answer is on its way: the one before it stays to be seen. */
  isAsking: boolean;
  days: number;
  onDays: (days: number) => void;
}

/** How often the rule in the form would have fired lately, and when. */
export function PreviewBox({ preview, isAsking, days, onDays }: PreviewBoxProps) {
  const [held, setHeld] = useState(preview);
  if (preview !== null && preview !== held) setHeld(preview);
  const shown = preview ?? (isAsking ? held : null);
  return (
    <section
      className="rule-preview"
      aria-label="Preview"
      aria-busy={isAsking}
      data-testid="rule-preview"
      data-count={preview?.count ?? ""}
    >
      <div role="group" aria-label="How far back to look">
        {DAYS.map((each) => (
          <button key={each} type="button" data-days={each} aria-pressed={each === days} onClick={() => onDays(each)}>
            {daysWords(each)}
          </button>
        ))}
      </div>
      <p role="status">
        <Count preview={shown} />
      </p>
      <Timeline preview={shown} />
    </section>
  );
}

function Count({ preview }: { preview: RulePreview | null }) {
  if (preview === null) return "How often would it have fired?";
  if (preview.count === 0) return "Would not have fired.";
  return (
    <>
      Would have fired <b>{timesWords(preview.count)}</b>.
    </>
  );
}

function Timeline({ preview }: { preview: RulePreview | null }) {
  const nowMs = useNowMs();
  const last = preview?.firings[0];
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
      {preview !== null && (
        <small>
          By {preview.basis}
          {last !== undefined && (
            <>
              , last at {formatExactPrice(last.price)},{" "}
              <time dateTime={last.firedAt}>{formatMoment(last.firedAt, nowMs)}</time>
            </>
          )}
        </small>
      )}
    </>
  );
}

function daysWords(days: number): string {
  return days === 1 ? "1 day" : `${days} days`;
}
