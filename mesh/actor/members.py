"""Members: the workers of one kind that are there, each a key that has to be renewed.

A key that expires by its bucket's age is not told to watchers, so the bucket is listed instead of watched.
"""

import contextlib
import os
import re
import socket

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NoKeysError

from mesh.streams import MEMBERS

RENEW_S = 2.0
_NAME = re.compile(r"[-_A-Za-z0-9]{1,64}")


def own_name() -> str:
    """Name this process: by its machine and its id, so that it is another after each start."""
    return f"{socket.gethostname().replace('.', '-')}-{os.getpid()}"


class Members:
    """The members of one kind, seen and renewed by one of them."""

    def __init__(self, js: JetStreamContext, kind: str, member: str) -> None:
        if not _NAME.fullmatch(member):
            raise ValueError(f"{member!r} is no member's name: 1 to 64 letters, digits, - and _")
        self._js = js
        self._prefix = f"{kind}."
        self._member = member

    async def renew(self) -> None:
        """Say that this member is there; every `RENEW_S`."""
        await (await self._js.key_value(MEMBERS)).put(self._prefix + self._member, b"")

    async def leave(self) -> None:
        """Say that this member is gone; where that cannot be said, its key expires."""
        with contextlib.suppress(NatsError, TimeoutError):
            await (await self._js.key_value(MEMBERS)).delete(self._prefix + self._member)

    async def present(self) -> list[str]:
        """List the members that are there."""
        try:
            keys = await (await self._js.key_value(MEMBERS)).keys()
        except NoKeysError:
            return []
        return sorted(key.removeprefix(self._prefix) for key in keys if key.startswith(self._prefix))
