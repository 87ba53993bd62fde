"""`tickmesh dlq`: the notifications that were given up, and sending them again."""

import argparse
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from uuid import UUID

from nats.js import JetStreamContext

from mesh.connection import connect
from mesh.notify.codec import Letter
from mesh.notify.dead import letters, retry
from mesh.notify.kinds import Kind
from mesh.notify.store import NotificationStore
from mesh.settings import MeshSettings

Say = Callable[[str], None]


def add_dlq(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", where: argparse.ArgumentParser) -> None:
    """Add the command's parser."""
    dlq = commands.add_parser("dlq", help="notifications that were given up")
    actions = dlq.add_subparsers(dest="action", required=True)
    kind = argparse.ArgumentParser(add_help=False)
    kind.add_argument("--kind", type=Kind, choices=list(Kind), help="only those of one kind of channel")
    actions.add_parser("list", parents=[where, kind], help="say which there are, and why")
    again = actions.add_parser("retry", parents=[where, kind], help="send them again, with all their attempts")
    chosen = again.add_mutually_exclusive_group(required=True)
    chosen.add_argument("ids", nargs="*", type=UUID, default=[], metavar="ID")
    chosen.add_argument("--all", action="store_true")


async def show(settings: MeshSettings, kind: Kind | None, say: Say) -> None:
    """Say which notifications were given up, the oldest first."""
    count = 0
    async with _stream(settings) as js:
        async for buried in letters(js, kind):
            count += 1
            say(_line(buried.letter))
    say(f"{count} were given up")


async def retry_them(
    settings: MeshSettings, dsn: str, kind: Kind | None, ids: Collection[UUID] | None, say: Say
) -> bool:
    """Send these again, or all; tell whether each that was named was found."""
    store = NotificationStore(dsn, 1, "tickmesh-dlq")
    again = 0
    try:
        async with _stream(settings) as js:
            found = [each async for each in letters(js, kind) if ids is None or each.letter.id in ids]
            for buried in found:
                again += await retry(js, store, buried)
    finally:
        await store.close()
    say(f"{again} are sent again")
    missing = set(ids or ()) - {buried.letter.id for buried in found}
    for each in sorted(missing):
        say(f"{each} was not given up")
    return not missing


def _line(letter: Letter) -> str:
    return f"{letter.id}  {letter.kind:<8} {letter.at:%Y-%m-%d %H:%M:%S}  {letter.attempts} attempts  {letter.reason}"


@contextlib.asynccontextmanager
async def _stream(settings: MeshSettings) -> AsyncIterator[JetStreamContext]:
    client = await connect(settings, "dlq")
    try:
        yield client.jetstream()
    finally:
        await client.close()
