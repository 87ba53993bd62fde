import { LINES } from "./indicators";

/** The page's colours as the chart needs them: a canvas knows no custom properties. */
export interface Colours {
  readonly up: string;
  readonly down: string;
  readonly upFaint: string;
  readonly downFaint: string;
  readonly text: string;
  readonly ground: string;
  readonly grid: string;
  readonly line: string;
  readonly label: string;
  readonly alert: string;
  readonly font: string;
  /** Of indicators, by line. */
  readonly lines: readonly string[];
}

/** Read them where they are set: `styles/tokens.css` and `styles/chart.css`. */
export function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    up: token("--up"),
    down: token("--down"),
    upFaint: token("--up-faint"),
    downFaint: token("--down-faint"),
    text: token("--text-faint"),
    ground: token("--ground"),
    grid: token("--line"),
    line: token("--line-strong"),
    label: token("--chart-label"),
    alert: token("--warn"),
    font: token("--font"),
    lines: Array.from({ length: LINES }, (_, index) => token(`--line-${index}`)),
  };
}
