"""A provider that fails again and again is left alone for a while. Pure; the caller brings the clock.

closed ──5 failures in a row──▶ open ──its time is over──▶ one probe ──succeeds──▶ closed
                                  ▲────────fails: twice the time────────┘
"""

from collections import OrderedDict
from dataclasses import dataclass

FAILURES = 5
FIRST_PAUSE_S, MAX_PAUSE_S = 30.0, 600.0
MOST_PROVIDERS = 10_000
BUSY_PAUSE_S = 1.0


@dataclass(slots=True)
class _Provider:
    in_flight: int = 0
    failures: int = 0  # in a row
    pause_s: float = 0.0  # 0: closed
    open_until_s: float = 0.0


class Breakers:
    """A breaker for each provider, by name; also how many calls it may have at a time."""

    def __init__(self, at_once: int, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._at_once = at_once
        self._first_pause_s = first_pause_s
        self._providers: OrderedDict[str, _Provider] = OrderedDict()

    def admit(self, name: str, now_s: float) -> float:
        """Begin a call, to be ended by `ended`: 0; or say for how many seconds not to ask again."""
        provider = self._providers.get(name) or _Provider()
        if provider.pause_s:
            if now_s < provider.open_until_s:
                return provider.open_until_s - now_s
            if provider.in_flight:  # the probe, or those that were on their way when it opened
                return BUSY_PAUSE_S
        elif provider.in_flight >= self._at_once:
            return BUSY_PAUSE_S
        provider.in_flight += 1
        self._keep(name, provider)
        return 0.0

    def ended(self, name: str, is_well: bool | None, now_s: float) -> None:
        """Hear how a call ended; None: it says nothing of the provider."""
        provider = self._providers.get(name) or _Provider(in_flight=1)
        provider.in_flight -= 1
        if is_well:
            provider.failures, provider.pause_s = 0, 0.0
        elif is_well is not None:
            provider.failures += 1
            if provider.pause_s and now_s >= provider.open_until_s:
                self._open(provider, min(2 * provider.pause_s, MAX_PAUSE_S), now_s)
            elif not provider.pause_s and provider.failures >= FAILURES:
                self._open(provider, self._first_pause_s, now_s)
        if provider.in_flight or provider.failures:
            self._keep(name, provider)
        else:
            self._providers.pop(name, None)

    def is_open(self, name: str) -> bool:
        """Tell whether a provider is left alone."""
        provider = self._providers.get(name)
        return provider is not None and provider.pause_s > 0

    def open_names(self) -> list[str]:
        """List the providers that are left alone."""
        return sorted(name for name, provider in self._providers.items() if provider.pause_s)

    @staticmethod
    def _open(provider: _Provider, pause_s: float, now_s: float) -> None:
        provider.pause_s, provider.open_until_s = pause_s, now_s + pause_s

    def _keep(self, name: str, provider: _Provider) -> None:
        self._providers[name] = provider
        self._providers.move_to_end(name)
        if len(self._providers) > MOST_PROVIDERS:
            self._providers.popitem(last=False)
