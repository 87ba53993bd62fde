"""One client's session: who it is, how it is written to, and its place in the fan-out."""

from dataclasses import dataclass, field
from uuid import UUID

from gateway.live.admission import Admitted
from gateway.live.fan_out import FanOut
from gateway.live.messages import Message
from gateway.live.outlet import Outlet
from gateway.live.subscriptions import NOBODY
from gateway.live.token_bucket import TokenBucket
from gateway.live.wire import Wire


@dataclass(slots=True, eq=False)
class Session:
    """What one connected client has; what it watches stands in its fan-out's subscriptions."""

    wire: Wire
    outlet: Outlet
    fan_out: FanOut
    admitted: Admitted
    commands: TokenBucket
    heard_s: float
    """When it last sent a command, or anything, by the loop's clock."""
    connection: str = ""
    interval_ticks: int = 1
    client: int = NOBODY
    """Its number in the fan-out, from its welcome to its end."""

    portfolios: set[UUID] = field(default_factory=set)
    """Those that it watches."""
    alerts: bool = False
    """Whether it watches its user's alerts."""

    @property
    def watches(self) -> int:
        """How many topics and portfolios it watches, and alerts as one."""
        return len(self.fan_out.subscriptions.rows(self.client)) + len(self.portfolios) + self.alerts

    def answer(self, message: Message) -> None:
        """Send a message that must arrive, after those before; raises TooSlowError where too much waits already."""
        self.outlet.put(self.wire.encode(message))
