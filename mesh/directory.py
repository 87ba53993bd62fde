"""The instrument directory: which number each instrument has, in a key-value bucket.

Key `<exch>.<symbol token>`, value a msgpack map. Numbers are dense, given once and never reused: a block of them is
reserved by compare-and-set on a counter, then each key is created only if it is not there; a number that lost such a
race stays unused.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

import msgspec
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolError, SymbolKey
from mesh.streams import FEEDS, INSTRUMENTS

_logger = logging.getLogger(__name__)

_COUNTER = "next_instrument"
_ATTEMPTS = 20
_CREATE_AT_ONCE = 256


class DirectoryError(Exception):
    """The directory cannot be read or written; trying again may help."""


class _Entry(msgspec.Struct, array_like=False):
    number: int
    name: str
    currency: str
    tick_size: float
    sector: str = ""


class Directory:
    """The instruments as one process knows them, kept current by a watch on the bucket."""

    def __init__(self, instruments: KeyValue, counters: KeyValue, epoch: str) -> None:
        self.epoch = epoch
        """Names the numbers and sequences given: another where the buckets were lost and everything began anew."""
        self._instruments = instruments
        self._counters = counters
        self._by_key: dict[SymbolKey, Instrument] = {}
        self._by_number: dict[int, Instrument] = {}
        self._by_symbol: dict[str, list[Instrument]] = {}
        self._listeners: list[Callable[[Instrument], None]] = []
        self._watcher: KeyValue.KeyWatcher

    @classmethod
    async def open(cls, js: JetStreamContext) -> "Directory":
        """Open the declared buckets and load every entry."""
        created = (await js.stream_info(f"KV_{FEEDS}")).created
        epoch = f"{int(created.timestamp() * 1000):x}" if created is not None else ""
        directory = cls(await js.key_value(INSTRUMENTS), await js.key_value(FEEDS), epoch)
        await directory.load()
        return directory

    def __len__(self) -> int:
        return len(self._by_key)

    @property
    def capacity(self) -> int:
        """One more than the highest number known: the length of arrays indexed by number."""
        return max(self._by_number, default=-1) + 1

    def get(self, key: SymbolKey) -> Instrument | None:
        """Find an instrument by its full name."""
        return self._by_key.get(key)

    def numbered(self, number: int) -> Instrument | None:
        """Find an instrument by its number."""
        return self._by_number.get(number)

    def name_of(self, number: int) -> SymbolKey:
        """Name an instrument that is known."""
        instrument = self._by_number.get(number)
        if instrument is None:
            raise KeyError(f"instrument {number} is not in the directory")
        return instrument.key

    def with_symbol(self, symbol: str) -> Sequence[Instrument]:
        """Find the instruments of that symbol at any venue, the first numbered first."""
        return self._by_symbol.get(symbol, ())

    def all(self) -> Iterable[Instrument]:
        """List every instrument known, in order of number."""
        return (self._by_number[number] for number in sorted(self._by_number))

    def on_added(self, listener: Callable[[Instrument], None]) -> None:
        """Call `listener` for every instrument that becomes known from now on."""
        self._listeners.append(listener)

    async def load(self) -> None:
        """Watch the bucket anew, and read every entry that is in it now."""
        present = await self._instruments.status()
        watcher = await self._instruments.watchall()
        if present.values:
            async for entry in watcher:
                # nats-py's mark "all has come" (None) can come first; an entry says how many are still behind it.
                if entry is None:
                    continue
                self._learn(entry.key, entry.value)
                if entry.delta == 0:
                    break
        self._watcher = watcher  # only now: `follow` must not take entries that this waits for

    async def follow(self) -> None:
        """Learn of new entries, for as long as the task lives."""
        while True:
            watcher = self._watcher
            async for entry in watcher:
                if entry is not None:
                    self._learn(entry.key, entry.value)
                if self._watcher is not watcher:
                    break

    async def reconnected(self) -> None:
        """Watch anew after the server was away: it may have forgotten the old watch."""
        watcher = self._watcher
        await self.load()
        await watcher.stop()  # type: ignore[no-untyped-call]  # nats-py leaves it so

    async def enlist(self, listings: Sequence[Listing]) -> list[Instrument]:
        """Give every listing its number, the old one where it has one; returns them in the same order.

        Raises DirectoryError where the bucket stays contended or out of reach.
        """
        missing = list({listing.key: listing for listing in listings if listing.key not in self._by_key}.values())
        if missing:
            try:
                await self._number(missing)
            except NatsError as error:
                raise DirectoryError(f"the directory is out of reach: {str(error) or type(error).__name__}") from error
        return [self._by_key[listing.key] for listing in listings]

    async def _number(self, missing: Sequence[Listing]) -> None:
        first = await add_to_counter(self._counters, _COUNTER, len(missing)) - len(missing)
        for start in range(0, len(missing), _CREATE_AT_ONCE):
            chunk = missing[start : start + _CREATE_AT_ONCE]
            await asyncio.gather(*(self._create(first + start + i, listing) for i, listing in enumerate(chunk)))

    async def _create(self, number: int, listing: Listing) -> None:
        entry = _Entry(number, listing.name, listing.currency, listing.tick_size, listing.sector)
        value = msgspec.msgpack.encode(entry)
        try:
            await self._instruments.create(listing.key.token, value)
        except KeyWrongLastSequenceError:  # another process was first: its number stands
            value = (await self._instruments.get(listing.key.token)).value or b""
        self._learn(listing.key.token, value)
        if listing.key not in self._by_key:
            raise DirectoryError(f"the entry {listing.key.token} is there and cannot be read")

    def _learn(self, token: str, value: bytes | None) -> None:
        if not value:
            return
        try:
            entry, key = msgspec.msgpack.decode(value, type=_Entry), SymbolKey.from_token(token)
        except (msgspec.DecodeError, SymbolError) as error:
            _logger.warning("directory entry %s is left out: %s", token, error)
            return
        if key in self._by_key:
            return
        listing = Listing(key, entry.name, entry.currency, entry.tick_size, entry.sector)
        instrument = Instrument(InstrumentId(entry.number), listing)
        self._by_key[key] = self._by_number[entry.number] = instrument
        self._by_symbol.setdefault(key.symbol, []).append(instrument)
        self._by_symbol[key.symbol].sort(key=lambda each: each.number)
        for listener in self._listeners:
            listener(instrument)


async def add_to_counter(counters: KeyValue, key: str, count: int) -> int:
    """Add to a counter by compare-and-set and return its new value; raises DirectoryError."""
    for _ in range(_ATTEMPTS):
        try:
            try:
                entry = await counters.get(key)
            except KeyNotFoundError:
                await counters.create(key, str(count).encode())
                return count
            value = int(entry.value or b"0") + count
            await counters.update(key, str(value).encode(), last=entry.revision)
        except KeyWrongLastSequenceError:
            continue
        return value
    raise DirectoryError(f"counter {key} stayed contended through {_ATTEMPTS} attempts")
