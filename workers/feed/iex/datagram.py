"""From an Ethernet frame to the UDP payload in it: IEEE 802.1Q tags, IPv4 and IPv6, no fragments."""

_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS = (0x8100, 0x88A8, 0x9100)  # customer, service and old service VLAN tags
_MAX_TAGS = 4
_UDP, _FRAGMENT = 17, 44
_EXTENSIONS = (0, 43, 60)  # hop-by-hop options, routing, destination options
_MAX_EXTENSIONS = 8
_ETHERNET_BYTES, _UDP_BYTES = 14, 8


class DatagramError(ValueError):
    """A frame holds no whole UDP datagram; the message is the reason, the same for all frames like it."""


def udp_payload(frame: bytes) -> tuple[int, int]:
    """Find the UDP payload in an Ethernet frame, as (start, end) in the frame.

    `end` is where the datagram says it ends: beyond the frame's own end where the capture cut it. Raises
    DatagramError for anything else than UDP, and for fragments, which are not put together.
    """
    if len(frame) < _ETHERNET_BYTES:
        raise DatagramError("frame: shorter than Ethernet")
    at = _ETHERNET_BYTES
    ether_type = frame[12] << 8 | frame[13]
    for _ in range(_MAX_TAGS):
        if ether_type not in _TAGS or len(frame) < at + 4:
            break
        ether_type = frame[at + 2] << 8 | frame[at + 3]
        at += 4
    if ether_type == _IPV4:
        at, limit = _in_ipv4(frame, at)
    elif ether_type == _IPV6:
        at, limit = _in_ipv6(frame, at)
    else:
        raise DatagramError("frame: not IP")
    if len(frame) < at + _UDP_BYTES:
        raise DatagramError("frame: shorter than its UDP header")
    end = at + (frame[at + 4] << 8 | frame[at + 5])
    if end < at + _UDP_BYTES or end > limit:
        raise DatagramError("frame: UDP length is not the packet's")
    return at + _UDP_BYTES, end


def _in_ipv4(frame: bytes, at: int) -> tuple[int, int]:
    """Find the UDP header behind the IPv4 header at `at`, and the end of the packet."""
    if len(frame) < at + 20:
        raise DatagramError("frame: shorter than its IP header")
    header_bytes = (frame[at] & 0x0F) * 4
    if frame[at] >> 4 != 4 or header_bytes < 20:
        raise DatagramError("frame: broken IP header")
    if frame[at + 9] != _UDP:
        raise DatagramError("frame: not UDP")
    if (frame[at + 6] << 8 | frame[at + 7]) & 0x3FFF:  # more fragments to come, or an offset
        raise DatagramError("frame: IP fragment")
    return at + header_bytes, at + (frame[at + 2] << 8 | frame[at + 3])


def _in_ipv6(frame: bytes, at: int) -> tuple[int, int]:
    """Find the UDP header behind the IPv6 header at `at` and its extensions, and the end of the packet."""
    if len(frame) < at + 40:
        raise DatagramError("frame: shorter than its IP header")
    if frame[at] >> 4 != 6:
        raise DatagramError("frame: broken IP header")
    limit = at + 40 + (frame[at + 4] << 8 | frame[at + 5])
    following = frame[at + 6]
    at += 40
    for _ in range(_MAX_EXTENSIONS):
        if following not in _EXTENSIONS or len(frame) < at + 2:
            break
        following = frame[at]
        at += 8 + frame[at + 1] * 8
    if following == _FRAGMENT:
        raise DatagramError("frame: IP fragment")
    if following != _UDP:
        raise DatagramError("frame: not UDP")
    return at, limit
