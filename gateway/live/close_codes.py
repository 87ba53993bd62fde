"""Why a stream is closed, told so that a client knows whether, and how, to come back."""

from enum import IntEnum


class CloseCode(IntEnum):
    """WebSocket close codes; RFC 6455, 7.4, and 4000-4999 for our own."""

    GOING_AWAY = 1001  # reconnect
    POLICY = 1008  # a flood of commands or control frames: mend the client
    TOO_BIG = 1009  # a message over the limit: a fault of the client
    RESTART = 1012  # the gateway drains: reconnect after the time that `closing` gave
    TRY_AGAIN_LATER = 1013  # too slow a client, or too busy a gateway: reconnect after the time given
    UNAUTHENTICATED = 4401  # get a new access token, then reconnect
    AUTH_TIMEOUT = 4408  # reconnect, and authenticate in time
    IDLE = 4409  # nothing was watched for long: reconnect when there is something to watch
    TOO_MANY = 4429  # this user or address has as many connections as it may: close one first
