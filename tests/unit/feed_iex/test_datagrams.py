"""From frames to UDP payloads."""

import struct
from types import SimpleNamespace

import pytest

from workers.feed.iex.datagram import DatagramError, udp_payload

PAYLOAD = b"forty bytes or so of payload, not less"


def payload_of(frame: bytes) -> bytes:
    start, end = udp_payload(frame)
    return frame[start:end]


def test_payload_without_the_frames_padding(wire: SimpleNamespace) -> None:
    assert payload_of(wire.frame(wire.ipv4(PAYLOAD)) + bytes(20)) == PAYLOAD
    assert payload_of(wire.frame(wire.ipv4(b"")) + bytes(20)) == b""


@pytest.mark.parametrize("tags", [(0x8100,), (0x88A8, 0x8100), (0x9100, 0x8100, 0x8100, 0x8100)])
def test_vlan_tags_are_passed(wire: SimpleNamespace, tags: tuple[int, ...]) -> None:
    assert payload_of(wire.frame(wire.ipv4(PAYLOAD), tags=tags)) == PAYLOAD


def test_ip_options_and_extensions_are_passed(wire: SimpleNamespace) -> None:
    assert payload_of(wire.frame(wire.ipv4(PAYLOAD, options=bytes(8)))) == PAYLOAD
    assert payload_of(wire.frame(wire.ipv6(PAYLOAD), ether_type=0x86DD)) == PAYLOAD
    assert payload_of(wire.frame(wire.ipv6(PAYLOAD, extension=0), ether_type=0x86DD)) == PAYLOAD


def test_the_end_of_a_cut_datagram_lies_beyond_its_frame(wire: SimpleNamespace) -> None:
    frame = wire.frame(wire.ipv4(PAYLOAD))
    assert udp_payload(frame[:-10]) == (42, len(frame))


def test_what_is_no_datagram_says_why(wire: SimpleNamespace) -> None:
    whole = wire.frame(wire.ipv4(PAYLOAD))
    long = bytearray(whole)
    struct.pack_into(">H", long, 38, 1000)
    frames = {
        "frame: shorter than Ethernet": whole[:13],
        "frame: not IP": wire.frame(bytes(40), ether_type=0x0806),
        "frame: shorter than its IP header": whole[:30],
        "frame: broken IP header": wire.frame(bytes(40)),
        "frame: not UDP": wire.frame(wire.ipv4(PAYLOAD, protocol=6)),
        "frame: IP fragment": wire.frame(wire.ipv4(PAYLOAD, fragment=0x2000)),
        "frame: shorter than its UDP header": whole[:40],
        "frame: UDP length is not the packet's": bytes(long),
    }
    for reason, frame in frames.items():
        with pytest.raises(DatagramError, match=reason):
            udp_payload(frame)


def test_last_fragments_and_those_of_ipv6_are_known(wire: SimpleNamespace) -> None:
    six = wire.frame(wire.ipv6(PAYLOAD, extension=44), ether_type=0x86DD)
    with pytest.raises(DatagramError, match="fragment"):
        udp_payload(six)
    with pytest.raises(DatagramError, match="fragment"):
        udp_payload(wire.frame(wire.ipv4(PAYLOAD, fragment=0x0010)))
    with pytest.raises(DatagramError, match="not UDP"):
        udp_payload(wire.frame(wire.ipv6(PAYLOAD, extension=59), ether_type=0x86DD))
    with pytest.raises(DatagramError, match="broken IP"):
        udp_payload(wire.frame(bytes(40), ether_type=0x86DD))
    with pytest.raises(DatagramError, match="not UDP"):
        udp_payload(wire.frame(wire.ipv6(bytes(80), extension=0)[:40] + bytes(100), ether_type=0x86DD))
    with pytest.raises(DatagramError, match="shorter than its IP"):
        udp_payload(six[:40])
