"""`/alert-channels`: where a user wants to be told, verified before it is used."""

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from gateway.alerts.channel_requests import (
    CodeRequest,
    NewChannelRequest,
    destination,
    read_code,
    shown_address,
    unknown_channel,
)
from gateway.alerts.channel_service import ChannelService, unknown_test
from gateway.alerts.described import (
    ChannelBody,
    Channels,
    PublicKey,
    TestSent,
    TestState,
)
from gateway.alerts.described import described_channels as described
from gateway.commanding.acting import AnyRequest, as_json, read_id
from gateway.commanding.answers import JSON
from gateway.problems import Problem
from gateway.settings import GatewaySettings
from market.ledger.times import time_text
from mesh.notify.channels import UserChannel
from mesh.notify.kinds import Kind


class ChannelsController(Controller):
    """Channels, and how a user shows that they are theirs."""

    tags = ("alert channels",)

    @get("/alert-channels", summary="All channels", media_type=JSON, responses=described.reads(Channels))
    async def list_all(
        self,
        request: AnyRequest,
        channels: NamedDependency[ChannelService],
        installation: NamedDependency[GatewaySettings],
    ) -> Response[bytes]:
        """List the user's channels, oldest first, and the kinds of channels that can be added here."""
        found = [_body(each) for each in await channels.of_user(request.user.user_id)]
        return as_json(msgspec.json.encode({"channels": found, "kinds": sorted(installation.kinds)}))

    @post("/alert-channels", summary="Add a channel", media_type=JSON, responses=described.writes(201, ChannelBody))
    async def add(
        self,
        request: AnyRequest,
        data: JSONBody[NewChannelRequest],
        channels: NamedDependency[ChannelService],
        installation: NamedDependency[GatewaySettings],
    ) -> Response[bytes]:
        """Add a channel and send it a code, or a webhook a challenge; a browser's subscription needs neither."""
        channel, secret = await channels.add(request.user.user_id, destination(data, installation))
        body = _body(channel) | ({"secret": secret} if secret else {})
        answer = as_json(msgspec.json.encode(body), 201)
        answer.headers["Location"] = f"/alert-channels/{channel.id}"
        return answer

    @get("/alert-channels/webpush-key", summary="The key of web pushes", responses=described.reads(PublicKey))
    async def webpush_key(self, installation: NamedDependency[GatewaySettings]) -> PublicKey:
        """Give the key that a browser has to subscribe with."""
        if Kind.WEBPUSH not in installation.kinds:
            raise Problem(404, "kind_unavailable", "web push is not set up here")
        return PublicKey(installation.vapid_public_key)

    @get(
        "/alert-channels/{channel:str}",
        summary="One channel",
        media_type=JSON,
        responses=described.reads(ChannelBody),
    )
    async def one(
        self, request: AnyRequest, channel: FromPath[str], channels: NamedDependency[ChannelService]
    ) -> Response[bytes]:
        """Say what a channel is, and whether it is verified."""
        found = await channels.one(request.user.user_id, read_id(channel, unknown_channel))
        return as_json(msgspec.json.encode(_body(found)))

    @delete("/alert-channels/{channel:str}", summary="Remove a channel", responses=described.writes(204, None))
    async def remove(
        self, request: AnyRequest, channel: FromPath[str], channels: NamedDependency[ChannelService]
    ) -> None:
        """Remove a channel; nothing more is sent by it."""
        await channels.remove(request.user.user_id, read_id(channel, unknown_channel))

    @post(
        "/alert-channels/{channel:str}/code",
        status_code=204,
        summary="Send another code",
        responses=described.writes(204, None),
    )
    async def send_code(
        self, request: AnyRequest, channel: FromPath[str], channels: NamedDependency[ChannelService]
    ) -> None:
        """Send a new code, or a webhook's challenge again, by a channel that is not verified yet."""
        await channels.send_code(request.user.user_id, read_id(channel, unknown_channel))

    @post(
        "/alert-channels/{channel:str}/verify",
        status_code=200,
        summary="Verify a channel",
        media_type=JSON,
        responses=described.writes(200, ChannelBody),
    )
    async def verify(
        self,
        request: AnyRequest,
        channel: FromPath[str],
        data: JSONBody[CodeRequest],
        channels: NamedDependency[ChannelService],
    ) -> Response[bytes]:
        """Take the code that came by the channel: it is good for 10 minutes, and for five attempts."""
        wanted = read_id(channel, unknown_channel)
        found = await channels.verify(request.user.user_id, wanted, read_code(data))
        return as_json(msgspec.json.encode(_body(found)))

    @post(
        "/alert-channels/{channel:str}/test",
        status_code=202,
        summary="Send a test",
        responses=described.writes(202, TestSent),
    )
    async def test(
        self, request: AnyRequest, channel: FromPath[str], channels: NamedDependency[ChannelService]
    ) -> TestSent:
        """Send a test by a channel."""
        sent = await channels.test(request.user.user_id, read_id(channel, unknown_channel))
        return TestSent(str(sent))

    @get(
        "/alert-channels/{channel:str}/tests/{test:str}",
        summary="How a test went",
        media_type=JSON,
        responses=described.reads(TestState),
    )
    async def tested(
        self,
        request: AnyRequest,
        channel: FromPath[str],
        test: FromPath[str],
        channels: NamedDependency[ChannelService],
    ) -> Response[bytes]:
        """Say how far a test is; what stood against the last attempt is in `error`."""
        wanted, named = read_id(channel, unknown_channel), read_id(test, unknown_test)
        found = await channels.tested(request.user.user_id, wanted, named)
        return as_json(msgspec.json.encode(TestState(found.state, found.attempts, found.error)))


def _body(channel: UserChannel) -> dict[str, str | None]:
    return {
        "id": str(channel.id),
        "kind": str(channel.kind),
        "name": channel.name,
        "address": shown_address(channel.kind, channel.address),
        "state": channel.state,
        "created_at": time_text(channel.created_at),
        "verified_at": None if channel.verified_at is None else time_text(channel.verified_at),
        "error": channel.last_error,
    }
