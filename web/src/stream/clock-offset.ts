/**
 * How far the server's clock is ahead of ours, ms.
 *
 * A sample is the server's time in a message minus our time at its arrival, so it is too small by the message's way to
 * us. The largest of the last few is the one that travelled fastest, and the nearest to the truth.
 */
export type ClockSamples = readonly number[];

export const NO_SAMPLES: ClockSamples = [];
const SAMPLES_KEPT = 8;
/** A sample this far from the rest means that a clock was set, not that a message was slow. */
const CLOCK_WAS_SET_MS = 60_000;

export function addSample(samples: ClockSamples, sampleMs: number): ClockSamples {
  if (samples.length > 0 && Math.abs(sampleMs - offsetMs(samples)) > CLOCK_WAS_SET_MS) return [sampleMs];
  return [...samples.slice(1 - SAMPLES_KEPT), sampleMs];
}

export function offsetMs(samples: ClockSamples): number {
  return samples.length === 0 ? 0 : Math.max(...samples);
}
