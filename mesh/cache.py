"""What every cache of ours has in common: it may be away at any time, is not waited for, and is then an empty one."""

import logging

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

AWAY = (RedisError, OSError, TimeoutError)
"""What is raised where the cache is away."""

_TIMEOUT_S = 1.0
_logger = logging.getLogger(__name__)


class Cache:
    """A connection to the Redis-compatible server, and whether it answered the last time."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self.is_up = True

    async def ping(self) -> bool:
        """Ask whether the cache is there now."""
        try:
            await self._redis.ping()
        except AWAY as error:
            self._note(up=False, error=error)
        else:
            self._note(up=True)
        return self.is_up

    async def close(self) -> None:
        """Give back the connections."""
        await self._redis.aclose()

    def _note(self, *, up: bool, error: BaseException | None = None) -> None:
        if up != self.is_up:
            _logger.log(logging.INFO if up else logging.WARNING, "the cache is %s", "back" if up else f"away: {error}")
        self.is_up = up
