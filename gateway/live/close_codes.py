"""Why a stream is closed, told so that a client knows whether, and how, to come back."""

from enum import IntEnum


class CloseCode(IntEnum):
    """WebSocket close codes; RFC 6455, 7.4, and 4000-4999 for our own."""

    GOING_AWAY = 1001  # reconnect
    TOO_BIG = 1009  # a message over the limit: a fault of the client
    RESTART = 1012  # reconnect
    TRY_AGAIN_LATER = 1013  # the client read too slowly: reconnect, and watch less
    UNAUTHENTICATED = 4401  # get a new access token, then reconnect
    AUTH_TIMEOUT = 4408  # reconnect, and authenticate in time
