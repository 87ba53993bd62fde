import { useEffect } from "react";
import { useLiveAlerts } from "../stream/hooks";
import { type Place, alertsAddress, portfolioAddress } from "./place";

const SECTIONS = [
  { section: "markets", words: "Markets", address: "#" },
  { section: "portfolios", words: "Portfolios", address: portfolioAddress(null) },
  { section: "alerts", words: "Alerts", address: alertsAddress("list") },
] as const;

export function SectionLinks({ place }: { place: Place }) {
  return (
    <nav className="sections" aria-label="Sections">
      {SECTIONS.map(({ section, words, address }) => (
        <a key={section} href={address} data-section={section} aria-current={section === place.section ? "page" : undefined}>
          {words}
          {section === "alerts" && <UnseenBadge />}
        </a>
      ))}
    </nav>
  );
}

/** How many alerts fired that nobody has looked at; also in the title, for whoever looks at another tab. */
function UnseenBadge() {
  const { count } = useLiveAlerts();
  useEffect(() => {
    document.title = count === 0 ? "Tickmesh" : `(${count}) Tickmesh`;
    return () => {
      document.title = "Tickmesh";
    };
  }, [count]);
  if (count === 0) return null;
  return (
    <span className="badge" data-testid="unseen" data-count={count}>
      {count > 99 ? "99+" : count} <span className="visually-hidden">new</span>
    </span>
  );
}
