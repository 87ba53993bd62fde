"""Captures of any supported format: pcap or pcapng, plain or in gzip, told apart by their first bytes."""

from collections.abc import Iterable, Iterator

from workers.feed.adapter import SourceFaults
from workers.feed.iex import pcap, pcapng
from workers.feed.iex.inflate import inflate
from workers.feed.iex.packet import Packet
from workers.feed.iex.window import ByteWindow


def read_packets(chunks: Iterable[bytes], faults: SourceFaults) -> Iterator[Packet]:
    """Return the packets of a capture, read as they are asked for in memory bounded by about 2 MiB.

    What is damaged is counted in `faults` with its offset in the uncompressed capture, and reading goes on behind it
    where the format allows. Raises CaptureError at once where the bytes are no capture of Ethernet frames.
    """
    window = ByteWindow(inflate(chunks, faults))
    if window.ensure(len(pcapng.SECTION_HEADER)) and window.data.startswith(pcapng.SECTION_HEADER):
        return pcapng.packets(window, faults)
    return pcap.packets(window, pcap.read_header(window), faults)
