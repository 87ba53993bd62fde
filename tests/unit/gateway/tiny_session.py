"""A session for tests of what it is sent: of a user, with an end that keeps what arrives."""

from uuid import UUID

from gateway.live.admission import Admitted
from gateway.live.outlet import Outlet
from gateway.live.session import Session
from gateway.live.token_bucket import TokenBucket
from tests.unit.gateway.tiny_market import TinyMarket
from tests.unit.gateway.tiny_socket import TinySocket


def tiny_session(market: TinyMarket, end: TinySocket, user: UUID) -> Session:
    """Make a session of a user."""
    wire = market.fan_out.wire
    admitted = Admitted("address", 0)
    admitted.user = user
    return Session(wire, Outlet(end.socket, wire), market.fan_out, admitted, TokenBucket(1, 1), 0)
