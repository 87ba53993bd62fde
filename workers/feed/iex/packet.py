"""A captured packet: what every capture format comes down to."""

from typing import NamedTuple

ETHERNET = 1  # LINKTYPE_ETHERNET
MAX_PACKET_BYTES = 262_144  # the largest snapshot length that tcpdump and Wireshark write


class CaptureError(ValueError):
    """The bytes are not a capture that can be read at all; the message says why."""


class Packet(NamedTuple):
    """One captured frame: where its bytes begin in the (uncompressed) capture, when it came, and the bytes."""

    offset: int
    time_ns: int
    frame: bytes
