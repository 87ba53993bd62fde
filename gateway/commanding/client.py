"""Gives commands to whoever carries them out, and waits for what becomes of them.

A command is durable once NATS has acknowledged it: from then on it is carried out, once, whether somebody waits or not.
The worker that owns its partition answers after its commit. Whoever asks again under the same key asks for the same
command, and gets the first answer.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from market.answer import Answer
from mesh.acked_publisher import STREAM_FULL
from mesh.commands import Asked, UnreadableError, decode_answer
from mesh.connection import Connection
from mesh.pool import PostgresAway

_PUBLISH_S = 2.0
_ANSWER_S = 2.0
_LOOK_AFTER_S = 0.02  # for the answer to a command that was given before; doubling
_DEFAULT_MOST_WAITING = 10_000


CommandKind = TypeVar("CommandKind", bound=Asked)


@dataclass(frozen=True, slots=True)
class CommandStream(Generic[CommandKind]):
    """A stream of commands of one kind."""

    name: str
    """On NATS."""
    subject: Callable[[int], str]
    """Of a partition."""
    encode: Callable[[CommandKind], bytes]
    look: Callable[[UUID, UUID, bytes], Awaitable[Answer | None]]
    """Finds the answer to a command by its id, user and digest, where there is one; raises PostgresAway."""


class NotTaken(Exception):  # noqa: N818  # says what is the case
    """NATS did not take the command, or did not say so: it may be given again under the same key."""


class Busy(Exception):  # noqa: N818  # says what is the case
    """Too many commands wait for their answers here; this one was not given to anybody."""


class Full(Exception):  # noqa: N818  # says what is the case
    """The stream of commands has reached its bound, and takes none."""


@dataclass(frozen=True, slots=True)
class Given:
    """A command that is durable; `answer` is None where it did not come in time."""

    command_id: UUID
    answer: Answer | None


class CommandClient(Generic[CommandKind]):
    """One process's way to a stream of commands."""

    def __init__(
        self,
        connection: Connection,
        js: JetStreamContext,
        stream: CommandStream[CommandKind],
        answer_s: float = _ANSWER_S,
        most_waiting: int = _DEFAULT_MOST_WAITING,
    ) -> None:
        self._connection = connection
        self._js = js
        self._stream = stream
        self._answer_s = answer_s
        self._most_waiting = most_waiting
        self._inbox = connection.new_inbox()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    async def open(self) -> None:
        """Begin to hear answers."""
        await self._connection.subscribe(f"{self._inbox}.*", cb=self._hear)

    def reply_subject(self) -> str:
        """Name a subject for the answer to one command."""
        return f"{self._inbox}.{secrets.token_hex(8)}"

    async def give(self, partition: int, command: CommandKind) -> Given:
        """Make a command durable and wait for its answer; raises NotTaken, Busy and Full."""
        if len(self._waiting) >= self._most_waiting:
            raise Busy(f"{self._most_waiting} commands wait for their answers here already")
        token = command.reply.rpartition(".")[2]
        answer = self._waiting[token] = asyncio.get_running_loop().create_future()
        try:
            is_repeated = await self._publish(partition, command)
            async with asyncio.timeout(self._answer_s):
                if is_repeated:
                    return Given(command.id, await self._either(answer, command))
                return Given(command.id, await answer)
        except TimeoutError:
            return Given(command.id, None)
        finally:
            self._waiting.pop(token, None)

    async def answer_to(self, command: UUID, user: UUID, digest: bytes) -> Answer | None:
        """Find the answer to a command that may have been given before; raises PostgresAway."""
        return await self._stream.look(command, user, digest)

    async def newest_sequence(self, partition: int) -> int:
        """Give the sequence of a partition's newest command, 0 where there is none; raises NotTaken."""
        try:
            return (await self._js.get_last_msg(self._stream.name, self._stream.subject(partition))).seq or 0
        except NotFoundError:
            return 0
        except (NatsError, TimeoutError) as error:
            raise NotTaken(str(error) or type(error).__name__) from error

    async def _publish(self, partition: int, command: CommandKind) -> bool:
        """Publish; tell whether NATS had the command already."""
        if not self._connection.is_connected:
            raise NotTaken("NATS cannot be reached")
        subject, body = self._stream.subject(partition), self._stream.encode(command)
        # Another request under the same key has to reach the worker, who refuses it.
        headers = {"Nats-Msg-Id": f"{command.id}-{command.digest.hex()[:16]}"}
        try:
            ack = await self._js.publish(subject, body, timeout=_PUBLISH_S, headers=headers)
        except NoStreamResponseError as error:
            raise NotTaken("NATS has no stream of commands") from error
        except APIError as error:
            if error.err_code in STREAM_FULL:
                raise Full(error.description) from error
            raise NotTaken(str(error)) from error
        except (NatsError, TimeoutError) as error:
            raise NotTaken(str(error) or type(error).__name__) from error
        return bool(ack.duplicate)

    async def _either(self, answer: asyncio.Future[Answer], command: CommandKind) -> Answer:
        """Wait for the answer to a command that was given before: its worker may have told somebody else."""
        wait_s = _LOOK_AFTER_S
        while True:
            with contextlib.suppress(PostgresAway):  # the command is durable all the same
                if (found := await self.answer_to(command.id, command.user, command.digest)) is not None:
                    return found
            done, _ = await asyncio.wait([answer], timeout=wait_s)
            if done:
                return answer.result()
            wait_s *= 2

    async def _hear(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject.rpartition(".")[2])
        if waiting is None or waiting.done():
            return
        try:
            waiting.set_result(decode_answer(message.data))
        except UnreadableError as error:
            waiting.set_exception(error)
