"""What the gateway is subscribed to on NATS is what its clients watch: each subject once, and not for long after."""

from collections.abc import Iterable

from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import Gateway, Market, until
from tests.integration.gateway.tiny_venue import TinyVenue


async def until_subscribed(market: Market, venue: TinyVenue, symbols: Iterable[str]) -> None:
    """Wait until the gateway's subjects of that venue are those of `symbols`, each once."""
    wanted = sorted(f"quote.{venue.instruments[symbol].key.token}" for symbol in symbols)

    async def is_so() -> bool:
        return [name for name in await market.gateway_subjects() if f".{venue.code}." in name] == wanted

    await until(is_so, f"the gateway is subscribed to {wanted}")


async def test_clients_share_a_subscription_and_the_last_one_takes_it_along(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    for name in await venue.enlist("A", "B.C", "日", known_to=gateway):
        await venue.publish(name.partition(":")[2], 1)
    async with live(gateway) as one, live(gateway, packed=True) as two:
        await one.subscribe(f"{venue.code}:A", f"{venue.code}:B.C")
        await two.subscribe(f"{venue.code}:B.C", f"{venue.code}:日")
        await until_subscribed(market, venue, ["A", "B.C", "日"])
        await one.unsubscribe(f"{venue.code}:B.C")
        await one.unsubscribe(f"{venue.code}:A")
        await until_subscribed(market, venue, ["B.C", "日"])
        await two.unsubscribe(f"{venue.code}:日")
        await until_subscribed(market, venue, ["B.C"])
    await until_subscribed(market, venue, [])


async def test_whoever_comes_back_while_it_lingers_needs_nothing_new(market: Market, venue: TinyVenue) -> None:
    async with market.another_gateway(linger_s=600, cache_url="") as gateway:
        (name,) = await venue.enlist("STAYS", known_to=gateway)
        await venue.publish("STAYS", 1)
        async with live(gateway) as client:
            await client.subscribe(name)
        asked = venue.asked
        assert asked == 1
        for count in range(2, 7):
            async with live(gateway) as client:
                await venue.publish("STAYS", count, last=count)
                await client.subscribe(name)
                await client.until_held(lambda held, n=count: held[name]["l"] == n)
        assert venue.asked == asked
        await until_subscribed(market, venue, ["STAYS"])
        assert await gateway.figure("subscriptions") == 1
        assert await gateway.figure("clients") == 0


async def test_asking_by_rest_subscribes_to_nothing(market: Market, gateway: Gateway, venue: TinyVenue) -> None:
    (name,) = await venue.enlist("ASKED", known_to=gateway)
    await venue.publish("ASKED", 1)
    async with gateway.http() as http:
        assert (await http.get(f"/quotes/{name}")).status_code == 200
        assert (await http.get(f"/prices/{name}")).status_code == 200
    await until_subscribed(market, venue, [])


async def test_no_name_a_client_can_think_of_subscribes_to_more_than_one_subject(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    """Instruments may be called like wildcards; what is subscribed is their escaped name."""
    odd = ["*.*", "*.>", "A.*", "A.>", "A=2E", "$SYS"]
    await venue.enlist(*odd, known_to=gateway)
    for symbol in odd:
        await venue.publish(symbol, 1)
    async with live(gateway) as client:
        await client.subscribe(*(f"{venue.code}:{symbol}" for symbol in odd))
        await until_subscribed(market, venue, odd)
        subjects = await market.gateway_subjects()
        assert not [name for name in subjects if set(name) & set("*>$ ")]
        await venue.publish("A.*", 2, last=2)
        await client.until_held(lambda held: held[f"{venue.code}:A.*"]["l"] == 2)
        assert all(held["l"] is None for name, held in client.held.items() if name != f"{venue.code}:A.*")
