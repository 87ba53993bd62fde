"""The IEX feed: a recorded TOPS 1.6 capture, replayed at its own pace, faster, or flat out.

One step a module, each of them values in, values out, but for `replay`, which opens the file:
`inflate` (gzip by content) -> `pcap` or `pcapng` (packets) -> `datagram` (Ethernet, IP, UDP) -> `segments` (IEX-TP)
-> `tops` (messages to rows) -> `replay` (batches, and when each is due).
"""

from workers.feed.iex.replay import IexAdapter, from_spec

__all__ = ["IexAdapter", "from_spec"]
