"""Feed specifications: what they say, and what is said of those that cannot be used."""

import pytest

from workers.feed.adapter import FeedSpec, SourceFaults, SpecError, no_levels
from workers.feed.adapters import open_adapter


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("sim", FeedSpec("sim", "", {})),
        ("sim:rate=2000,seed=7", FeedSpec("sim", "", {"rate": "2000", "seed": "7"})),
        ("iex:/a/b.pcap.gz", FeedSpec("iex", "/a/b.pcap.gz", {})),
        ("iex:b:c.pcap,speed=max", FeedSpec("iex", "b:c.pcap", {"speed": "max"})),
        ("sim:time=10:30", FeedSpec("sim", "", {"time": "10:30"})),
    ],
)
def test_a_specification_is_a_name_a_path_and_options(text: str, spec: FeedSpec) -> None:
    assert FeedSpec.parse(text) == spec


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sim:rate=1,fast", "'fast' is not of the form option=value"),
        ("sim:=1", "'=1' is not of the form option=value"),
        ("sim:rate=", "'rate=' is not of the form option=value"),
        ("sim:rate=1,rate=2", "option 'rate' is given twice"),
    ],
)
def test_a_malformed_option_is_named(text: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        FeedSpec.parse(text)


def test_an_unknown_option_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpecError, match="feed 'sim' has no option 'x'; it knows rate, seed"):
        FeedSpec.parse("sim:rate=1,x=2").only("rate", "seed")


def test_a_number_is_read_within_its_bounds() -> None:
    spec = FeedSpec.parse("sim:rate=2.5")
    assert spec.number("rate", 1, 0, 10) == 2.5
    assert spec.number("other", 7, 0, 10) == 7


@pytest.mark.parametrize("text", ["10001", "-1", "many", "nan", "inf"])
def test_a_number_out_of_bounds_is_refused_with_them(text: str) -> None:
    with pytest.raises(SpecError, match=f"feed 'sim': rate={text} must be a number from 0 to 10,000"):
        FeedSpec.parse(f"sim:rate={text}").number("rate", 1, 0, 10_000)


def test_an_adapter_that_is_not_there_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpecError, match="there is no feed 'nope'; there are iex, sim"):
        open_adapter("nope:rate=1")


def test_faults_are_counted_by_reason_and_the_last_is_named() -> None:
    faults = SourceFaults()
    faults.add("truncated", "at offset 7")
    faults.add("gap", "of 3 messages", 3)
    faults.add("truncated", "at offset 9")
    assert faults.counts == {"truncated": 2, "gap": 3}
    assert faults.last == "truncated: at offset 9"


def test_no_levels_are_none() -> None:
    assert len(no_levels()) == 0
