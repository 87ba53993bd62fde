import { type Place, portfolioAddress } from "./place";

const SECTIONS = [
  { section: "markets", words: "Markets", address: "#" },
  { section: "portfolios", words: "Portfolios", address: portfolioAddress(null) },
] as const;

export function SectionLinks({ place }: { place: Place }) {
  return (
    <nav className="sections" aria-label="Sections">
      {SECTIONS.map(({ section, words, address }) => (
        <a key={section} href={address} data-section={section} aria-current={section === place.section ? "page" : undefined}>
          {words}
        </a>
      ))}
    </nav>
  );
}
