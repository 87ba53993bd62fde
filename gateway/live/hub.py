"""The hub: who watches which instrument, and the updates they share, each encoded once per encoding."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gateway.images import from_iso, iso, quote_image
from gateway.live.session import Session, TooSlowError
from gateway.live.wire import WIRES, Message, Wire
from gateway.metrics import Metrics
from gateway.upstream import UnknownSymbolError, Upstream
from market.instrument import Instrument
from market.symbols import SymbolError
from mesh.bulk_client import TooManySubscriptionsError

_SHOWN_CHARACTERS = 80  # of a symbol that is none


class Hub:
    """All live sessions of this process."""

    def __init__(self, symbols_per_connection: int, metrics: Metrics) -> None:
        self.metrics = metrics
        self._symbols_per_connection = symbols_per_connection
        self._upstream: Upstream
        self._sessions: dict[str, Session] = {}
        self._watchers: dict[int, set[Session]] = {}
        self._encoded: dict[tuple[str, int], tuple[int, bytes]] = {}  # (encoding, number) -> (sequence, update)
        self.updates_sent = 0
        self.frames_sent = 0

    def attach(self, upstream: Upstream) -> None:
        """Take the market that sessions watch; before the first session."""
        self._upstream = upstream

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._sessions)

    def open(self, wire: Wire) -> Session:
        """Begin a session; until its client is known it is told nothing but answers."""
        return Session(secrets.token_hex(8), wire)

    def close(self, session: Session) -> None:
        """End a session and all that it watched."""
        self._sessions.pop(session.connection, None)
        self.unsubscribe_numbers(session, list(session.symbols))

    def welcome(self, session: Session) -> None:
        """Greet a session whose client is known by now, and count it among the connected."""
        self._sessions[session.connection] = session
        now = iso(time.time_ns())
        session.answer({"type": "welcome", "protocol": 1, "connection": session.connection, "server_timestamp": now})
        if not self._upstream.is_connected:
            session.answer(_status(is_connected=False))

    async def subscribe(self, session: Session, symbols: Iterable[str]) -> None:
        """Send a snapshot of each symbol and updates from then on."""
        instruments = self._resolve(session, symbols)
        watched = await self._watch(session, instruments)
        session.answer({"type": "subscribed", "symbols": [str(each.key) for each in instruments]})
        for each in watched:
            self._snapshot(session, each)

    def unsubscribe(self, session: Session, symbols: Iterable[str]) -> None:
        """Send no more of these."""
        instruments = self._resolve(session, symbols)
        self.unsubscribe_numbers(session, [each.number for each in instruments if each.number in session.symbols])
        session.answer({"type": "unsubscribed", "symbols": [str(each.key) for each in instruments]})

    async def reconnect(self, session: Session, last_seen: Mapping[str, str]) -> None:
        """Subscribe, with snapshots only of what changed since the times last seen."""
        seen_ns: dict[int, int] = {}
        found: dict[int, Instrument] = {}
        for symbol, text in last_seen.items():
            try:
                at_ns = from_iso(text)
            except ValueError as error:
                session.answer(_error("invalid_time", f"last_seen: {error}", symbol))
                continue
            for each in self._resolve(session, [symbol]):
                # Under two names, `AAPL` and `XNAS:AAPL`, it is still one instrument.
                found[each.number] = each
                seen_ns[each.number] = min(at_ns, seen_ns.get(each.number, at_ns))
        instruments = await self._watch(session, list(found.values()))
        table = self._upstream.table
        changed = [each for each in instruments if table.ts_event_ns(each.number) > seen_ns[each.number]]
        fresh = {each.number for each in changed}
        unchanged = [str(each.key) for each in instruments if each.number not in fresh]
        session.answer({"type": "resumed", "changed": [str(each.key) for each in changed], "unchanged": unchanged})
        for each in changed:
            self._snapshot(session, each)

    def unsubscribe_numbers(self, session: Session, numbers: Sequence[int]) -> None:
        """Take a session off instruments it watches."""
        for number in numbers:
            session.unwatch(number)
            watchers = self._watchers.get(number, set())
            watchers.discard(session)
            if not watchers:
                self._watchers.pop(number, None)
                for encoding in WIRES:
                    self._encoded.pop((encoding, number), None)
        self._upstream.unwatch(numbers)

    def changed(self, numbers: npt.NDArray[np.intp]) -> None:
        """Tell every watcher of `numbers` that there is something new."""
        for number in numbers.tolist():
            for session in self._watchers.get(number, ()):
                session.mark(number)

    def frame(self, session: Session) -> bytes | None:
        """Make one frame of everything that changed for a session; None if it has all of it."""
        table = self._upstream.table
        numbers = [number for number in session.take_dirty() if session.advance(number, table.sequence(number))]
        if not numbers:
            return None
        self.metrics.sent_age_s.observe((time.time_ns() - table.ts_recv_ns(numbers[0])) / 1e9)
        updates = [self._update(session.wire, number) for number in numbers]
        self.frames_sent += 1
        self.updates_sent += len(updates)
        return session.wire.frame_of_updates(updates)

    def broadcast(self, message: Message) -> None:
        """Tell every client; one that does not even read this is left to its own sender to close."""
        for session in self._sessions.values():
            try:
                session.answer(message)
            except TooSlowError:
                session.is_stuck = True
                session.wake.set()

    def announce(self, *, is_connected: bool) -> None:
        """Tell every client whether the gateway sees the market."""
        self.broadcast(_status(is_connected=is_connected))

    def heartbeat(self) -> None:
        """Tell every client the server's time."""
        self.broadcast({"type": "heartbeat", "server_timestamp": iso(time.time_ns())})

    def _resolve(self, session: Session, symbols: Iterable[str]) -> list[Instrument]:
        """Find instruments, each once; what is no symbol is answered with an error that repeats it."""
        found: dict[int, Instrument] = {}
        for symbol in symbols:
            try:
                instrument = self._upstream.resolve(symbol)
            except SymbolError as error:
                session.answer(_error("invalid_symbol", str(error), symbol))
            except UnknownSymbolError as error:
                session.answer(_error("unknown_symbol", str(error), symbol))
            else:
                found[instrument.number] = instrument
        return list(found.values())

    async def _watch(self, session: Session, instruments: list[Instrument]) -> list[Instrument]:
        """Put a session on instruments; return those within its limit, their state known as far as it can be."""
        added = [each for each in instruments if each.number not in session.symbols]
        room = self._symbols_per_connection - len(session.symbols)
        for each in added[room:]:
            limit = f"a connection watches at most {self._symbols_per_connection} symbols"
            session.answer(_error("symbol_limit", limit, str(each.key)))
            instruments.remove(each)
        added = added[:room]
        for each in added:
            session.watch(each.number, str(each.key), 0)
        try:
            await self._upstream.watch(added)
        except TooManySubscriptionsError as error:
            self.unsubscribe_numbers(session, [each.number for each in added])
            for each in added:
                session.answer(_error("gateway_full", f"this gateway can watch no more: {error}", str(each.key)))
            return [each for each in instruments if each.number in session.symbols]
        for each in added:
            session.watch(each.number, str(each.key), self._upstream.table.sequence(each.number))
            self._watchers.setdefault(each.number, set()).add(session)
        return instruments

    def _snapshot(self, session: Session, instrument: Instrument) -> None:
        state = self._upstream.table.state(instrument.number)
        session.advance(instrument.number, int(state["sequence"][0]))
        session.answer({"type": "snapshot", **quote_image(instrument, state)})

    def _update(self, wire: Wire, number: int) -> bytes:
        state = self._upstream.table.state(number)
        sequence = int(state["sequence"][0])
        held = self._encoded.get((wire.subprotocol, number))
        if held is not None and held[0] == sequence:
            return held[1]
        instrument = self._upstream.directory.numbered(number)
        if instrument is None:
            raise LookupError(f"instrument {number} is watched and not in the directory")
        encoded = wire.encode(quote_image(instrument, state))
        self._encoded[wire.subprotocol, number] = (sequence, encoded)
        return encoded


def _error(code: str, message: str, symbol: str) -> Message:
    return {"type": "error", "code": code, "message": message, "symbol": symbol[:_SHOWN_CHARACTERS]}


def _status(*, is_connected: bool) -> Message:
    return {"type": "status", "upstream": "live" if is_connected else "reconnecting"}
