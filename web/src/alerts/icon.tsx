const PATHS = {
  bell: "M4 11.5h8c-.8-.9-1.1-2-1.1-4a2.9 2.9 0 0 0-5.8 0c0 2-.3 3.1-1.1 4Zm2.8 0a1.3 1.3 0 0 0 2.4 0",
  edit: "m4 12 .6-2.6 5.9-5.9a1.4 1.4 0 0 1 2 2L6.6 11.4 4 12Z",
  pause: "M6 4v8m4-8v8",
  resume: "m5.5 4 6.5 4-6.5 4Z",
  rearm: "M12.5 8a4.5 4.5 0 1 1-1.4-3.3M12.6 2.6v2.8H9.8",
  history: "M8 4.8V8l2.2 1.4M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4Z",
  delete: "M3.5 5h9M6.5 5V3.6h3V5m-4.7 0 .5 7.4h5.4l.5-7.4",
  email: "M2.5 4h11v8h-11Zm0 .5L8 8.8l5.5-4.3",
  webpush: "M2.5 3.5h11v9h-11Zm0 2.5h11",
  sms: "M5 1.8h6v12.4H5Zm2.2 10.2h1.6",
  webhook: "M6 10.5a2.3 2.3 0 1 1-2.6-3.3M6 10.5h4.5m0 0a2.2 2.2 0 1 0 1.6-3.2M10.3 6.6 8 3.2m0 0a2.2 2.2 0 0 0-2 3.6l-2 3.4",
  apprise: "M3 8h3l1.5-4L9.5 12 11 8h2",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
