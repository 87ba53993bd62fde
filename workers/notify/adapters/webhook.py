"""Webhooks as https://www.standardwebhooks.com has them: signed JSON, the same `webhook-id` at each attempt."""

import time

import msgspec

from mesh.notify.bodies import Challenge, Code, Fired, Probe
from mesh.notify.signatures import SecretError, signature
from mesh.notify.store import Channel
from workers.notify.adapters.protocol import Parcel
from workers.notify.outcome import Refused
from workers.notify.posting import Poster
from workers.notify.provider import host_of

TYPES = {Fired: "alert.fired", Probe: "test", Challenge: "challenge"}


class Webhook:
    """Posts to a user's own server."""

    def __init__(self, poster: Poster, at_once: int) -> None:
        self._poster = poster
        self.at_once = max(1, at_once // 4)  # one server that hangs leaves room for others

    def provider(self, channel: Channel) -> str:
        """Name the server."""
        return host_of(channel.address)

    async def send(self, parcel: Parcel) -> None:
        """Post it; a challenge has arrived only when it comes back."""
        content, at_s = payload(parcel), int(time.time())
        try:
            signed = signature(parcel.channel.secret, str(parcel.id), at_s, content)
        except SecretError:
            raise Refused("the webhook has no secret to sign with") from None
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(parcel.id),
            "webhook-timestamp": str(at_s),
            "webhook-signature": signed,
        }
        answer = await self._poster.post(parcel.channel.address, headers, content)
        if isinstance(parcel.body, Challenge) and parcel.body.challenge.encode() not in answer.body:
            raise Refused("the answer does not hold the challenge", breaks_channel=False)


def payload(parcel: Parcel) -> bytes:
    """Write the JSON: a type, and what there is to say of it. Raises Refused for what no program can use."""
    body = parcel.body
    if isinstance(body, Code):
        raise Refused("a webhook is verified by a challenge, not by a code", breaks_channel=False)
    said = {name: value for name, value in msgspec.to_builtins(body).items() if name != "type"}
    return msgspec.json.encode({"type": TYPES[type(body)], "data": said})
