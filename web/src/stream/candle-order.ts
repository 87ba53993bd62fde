import type { Candle } from "./messages";

/**
 * Whether one state of a candle may take the place of another. Every change of a candle raises its trades, every
 * amendment its revision, so the pair orders its states whatever way they came; of the same state, one that is closed
 * says more.
 */
export function supersedes(candle: Candle, held: Candle): boolean {
  if (candle.revision !== held.revision) return candle.revision > held.revision;
  if (candle.trades !== held.trades) return candle.trades > held.trades;
  return candle.closed || !held.closed;
}

/** The one of two with the same start that stands. Of sessions that begin together, the regular one has the prices. */
function chosen(candle: Candle, held: Candle): Candle {
  if (candle.extended !== held.extended) return held.extended ? candle : held;
  if (!supersedes(candle, held)) return held;
  return isRepeated(candle, held) ? held : candle;
}

/** The same again, with nothing that is not known: what is held keeps its identity, and is not drawn again. */
function isRepeated(candle: Candle, held: Candle): boolean {
  const same = candle.revision === held.revision && candle.trades === held.trades && candle.closed === held.closed;
  return same && candle.trades > 0 && candle.indicators === undefined;
}

/** Two lists, each oldest first, as one with each start once. The held list itself where nothing changes. */
export function mergeCandles(held: readonly Candle[], fresh: readonly Candle[]): readonly Candle[] {
  const merged: Candle[] = [];
  let at = 0;
  let changed = false;
  for (const candle of fresh) {
    let next = held[at];
    while (next !== undefined && next.startS < candle.startS) {
      merged.push(next);
      next = held[(at += 1)];
    }
    if (next?.startS !== candle.startS) {
      merged.push(candle);
      changed = true;
      continue;
    }
    const stands = chosen(candle, next);
    changed ||= stands !== next;
    merged.push(stands);
    at += 1;
  }
  return changed ? merged.concat(held.slice(at)) : held;
}
