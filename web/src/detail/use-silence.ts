import { useMode, useProblem } from "../stream/hooks";
import type { Channel } from "../stream/messages";
import { isPaused } from "../stream/mode";

/** Why nothing comes of an instrument in a channel; null where all is well. */
export function useSilence(channel: Channel, symbol: string): string | null {
  const problem = useProblem(symbol, channel);
  const mode = useMode();
  return problem ?? (isPaused(mode, channel) ? "Paused while the server is busy." : null);
}
