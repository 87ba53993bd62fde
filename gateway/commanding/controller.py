"""`/commands/{id}`: what became of a command, whatever it was about."""

from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from gateway.commanding.acting import AnyRequest, read_id
from gateway.commanding.answers import JSON, pending, told, unknown_command
from gateway.commanding.described import Described, Pending
from gateway.commanding.desk import Lookups

_described = Described({404: "`unknown_command`: there is none, or it is another user's"})


class CommandsController(Controller):
    """What became of commands."""

    tags = ("commands",)

    @get(
        "/commands/{command:str}",
        summary="What became of a command",
        media_type=JSON,
        responses=_described.reads(dict[str, Any])
        | {202: ResponseSpec(Pending, description="It is not carried out yet")},
    )
    async def command(
        self, request: AnyRequest, command: FromPath[str], lookups: NamedDependency[Lookups]
    ) -> Response[bytes]:
        """Give a command's answer as it was first given; 202 while it waits to be carried out."""
        wanted = read_id(command, unknown_command)
        fate = await lookups.look_up(request.user, wanted)
        if fate.answer is not None:
            return told(fate.answer, {})
        if not fate.is_open:
            raise unknown_command()
        return pending(wanted)
