import pytest

from gateway.live.channels.quote import QuoteChannel
from gateway.live.channels.trades import TradesChannel
from gateway.live.gaps import Gap, gap_of
from market.instrument import Instrument
from tests.unit.gateway.offline import Offline, state, trades

FROM_THE_BEGINNING = -(1 << 40)


@pytest.fixture
async def offline() -> Offline:
    return Offline()


@pytest.fixture
async def quote(offline: Offline) -> QuoteChannel:
    return QuoteChannel(offline.upstream, offline.changed)


@pytest.fixture
async def prints(offline: Offline) -> TradesChannel:
    return TradesChannel(offline.connection, offline.upstream, 0, offline.changed)


async def at_sequence(offline: Offline, channel: QuoteChannel, sequence: int) -> Instrument:
    """Give an instrument that is known up to a sequence."""
    (instrument,) = await offline.enlist("AAPL")
    await channel.watch([instrument])
    await offline.quote(state(instrument, sequence, last=1))
    channel.take_changes()
    return instrument


async def printed(offline: Offline, channel: TradesChannel) -> Instrument:
    """Give an instrument with prints 101 to 110, and nothing missing from 100 on."""
    (instrument,) = await offline.enlist("AAPL")
    offline.answers(state(instrument, 100))
    await channel.watch([instrument])
    await offline.trade(trades(instrument, range(101, 111)))
    return instrument


def told(gap: Gap) -> tuple[bool, bool, int, int]:
    return gap.is_changed, gap.is_lost, gap.since, gap.floor


async def test_of_a_state_nothing_is_lost_and_an_older_one_is_never_sent(offline: Offline, quote: QuoteChannel) -> None:
    instrument = await at_sequence(offline, quote, 50)
    gaps = [gap_of(quote, instrument, [seen], True, 0) for seen in (0, 49, 50, 51, 2**62)]
    assert [told(gap) for gap in gaps] == [
        (True, False, 0, 0), (True, False, 0, 49), (False, False, 0, 50), (False, False, 0, 51),
        (False, False, 0, 2**62),
    ]  # fmt: skip
    assert gaps[0].instrument == instrument


async def test_of_what_is_not_known_it_cannot_be_said_what_was_missed(offline: Offline, quote: QuoteChannel) -> None:
    (instrument,) = await offline.enlist("MUTE")
    await quote.watch([instrument])
    assert told(gap_of(quote, instrument, [7], True, 0)) == (False, True, 0, 7)


async def test_of_another_epoch_everything_is_lost_and_its_sequences_bind_nobody(
    offline: Offline, quote: QuoteChannel
) -> None:
    instrument = await at_sequence(offline, quote, 50)
    for seen in (0, 50, 2**62):
        assert told(gap_of(quote, instrument, [seen], False, 0)) == (True, True, 0, 0)


async def test_of_two_things_seen_under_two_names_the_less_counts(offline: Offline, quote: QuoteChannel) -> None:
    instrument = await at_sequence(offline, quote, 50)
    assert told(gap_of(quote, instrument, [60, 40], True, 0)) == (True, False, 0, 40)
    assert told(gap_of(quote, instrument, ["2099-01-01T00:00:00Z", 50], True, 0)) == (False, False, 0, 50)
    assert told(gap_of(quote, instrument, ["2020-01-01T00:00:00Z", 50], True, 0)) == (True, False, 0, 50)
    assert told(gap_of(quote, instrument, ["2099-01-01T00:00:00Z"], True, 0)) == (False, False, 0, 0)


async def test_of_a_log_the_prints_not_seen_are_to_come(offline: Offline, prints: TradesChannel) -> None:
    instrument = await printed(offline, prints)
    gaps = {seen: gap_of(prints, instrument, [seen], True, FROM_THE_BEGINNING) for seen in (99, 100, 105, 110, 111)}
    assert {seen: told(gap) for seen, gap in gaps.items()} == {
        99: (True, True, 0, 0), 100: (True, False, 0, 0), 105: (True, False, 5, 0), 110: (False, False, 10, 0),
        111: (False, False, 10, 0),
    }  # fmt: skip


async def test_what_does_not_fit_into_the_answer_is_lost(offline: Offline, prints: TradesChannel) -> None:
    instrument = await printed(offline, prints)
    assert told(gap_of(prints, instrument, [105], True, 5)) == (True, False, 5, 0)
    assert told(gap_of(prints, instrument, [105], True, 7)) == (True, True, 7, 0)
    assert told(gap_of(prints, instrument, [105], False, 7)) == (True, True, 7, 0)
    assert told(gap_of(prints, instrument, [110], True, 10)) == (False, False, 10, 0)
