export function BrandMark() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
        <path d="M4 23 12 13l7 6L28 7" />
        <circle cx="12" cy="13" r="2.6" />
        <circle cx="19" cy="19" r="2.6" />
      </svg>
      <span className="brand-word">Tickmesh</span>
    </span>
  );
}
