import { useState } from "react";
import { AddChannel } from "./add-channel";
import { ChannelCard } from "./channel-card";
import { useChannels } from "./use-alerts";

/** A channel may be verified elsewhere: a webhook by its receiver. */
const CHECK_EVERY_MS = 4_000;

/** Where alerts go beside this page: each way is verified before anything is sent there. */
export function ChannelsPanel() {
  const [changes, setChanges] = useState(0);
  const { channels, answer, problem } = useChannels(CHECK_EVERY_MS, changes);
  const changed = () => setChanges((before) => before + 1);
  return (
    <section className="channels" aria-label="Where alerts go">
      {problem !== null && (
        <p role="status" className="alerts-problem">
          {problem.message}
        </p>
      )}
      {answer !== null && (
        <>
          <p className="channels-about">
            Alerts always show on this page. What they tell can also reach you elsewhere; choose in each alert where.
          </p>
          <ul data-testid="channels">
            {channels.channels.map((channel) => (
              <ChannelCard key={channel.id} channel={channel} onChange={changed} />
            ))}
          </ul>
          <AddChannel channels={channels} onAdded={changed} />
        </>
      )}
    </section>
  );
}
