import { formatExactPrice, formatSize, formatVolume } from "../format/numbers";
import type { Quote } from "../stream/messages";

export function DayFigures({ quote }: { quote: Quote | undefined }) {
  const figures = [
    ["Open", formatExactPrice(quote?.open)],
    ["High", formatExactPrice(quote?.high)],
    ["Low", formatExactPrice(quote?.low)],
    ["Prev close", formatExactPrice(quote?.previousClose)],
    ["Volume", formatVolume(quote?.volume)],
    ["Last size", formatSize(quote?.lastSize)],
  ];
  return (
    <dl className="figures">
      {figures.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
