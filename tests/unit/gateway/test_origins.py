import pytest

from gateway.live.origins import Origins
from mesh.settings import SettingsError

LISTED = Origins("https://tickmesh.example, http://localhost:5173,https://[0:0:0:0:0:0:0:1]:8443")


@pytest.mark.parametrize("host", [None, "tickmesh.example", "nonsense:x"])
@pytest.mark.parametrize("origins", [Origins(""), LISTED])
def test_what_is_no_browser_names_no_origin_and_is_let_in(origins: Origins, host: str | None) -> None:
    assert origins.allows(None, host)


@pytest.mark.parametrize(
    "origin",
    [
        "https://tickmesh.example",
        "HTTPS://TickMesh.Example",
        "https://tickmesh.example:443",
        "http://localhost:5173",
        "https://[::1]:8443",
    ],
)
def test_the_listed_are_allowed_whatever_the_host(origin: str) -> None:
    assert LISTED.allows(origin, "another.example")
    assert LISTED.allows(origin, None)


@pytest.mark.parametrize(
    "origin",
    [
        "http://tickmesh.example",
        "https://tickmesh.example:8443",
        "https://tickmesh.example.evil.example",
        "https://evil.example",
        "https://eviltickmesh.example",
        "https://www.tickmesh.example",
        "http://localhost",
        "http://localhost:5173/",
        "https://tickmesh.example ",
        "https://tickmesh.example\n",
        "https://user@tickmesh.example",
        "https://tickmesh.example, https://evil.example",
        "wss://tickmesh.example",
        "tickmesh.example",
        "null",
        "",
    ],
)
def test_nothing_else_is(origin: str) -> None:
    assert not LISTED.allows(origin, "tickmesh.example")


def test_with_a_list_the_gateways_own_host_is_not_allowed_by_itself() -> None:
    assert not LISTED.allows("https://gateway.example", "gateway.example")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://gateway.example", "gateway.example"),
        ("https://Gateway.example", "gateway.EXAMPLE:443"),
        ("http://gateway.example:80", "gateway.example"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost:1", "localhost:1"),
        ("http://localhost:65535", "localhost:65535"),
        ("http://[::1]:8080", "[0::1]:8080"),
    ],
)
@pytest.mark.parametrize("origins", [Origins(""), Origins("  ")])
def test_without_a_list_the_page_is_the_hosts_own(origins: Origins, origin: str, host: str) -> None:
    assert origins.allows(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "gateway.example"),
        ("http://gateway.example:8080", "gateway.example"),
        ("http://gateway.example", "gateway.example:443"),
        ("https://gateway.example", None),
        ("https://gateway.example", ""),
        ("https://gateway.example", "gateway.example/x"),
        ("https://gateway.example", "gateway.example:0"),
        ("http://[::1]", "[::g]"),
        ("http://[1::2::3]", "[1::2::3]"),
        ("http://localhost:65536", "localhost:65536"),
        ("http://\u212aitchen.example", "kitchen.example"),  # the Kelvin sign: a k in lower case
        ("null", "null"),
    ],
)
def test_without_a_list_others_are_refused(origin: str, host: str | None) -> None:
    assert not Origins("").allows(origin, host)


@pytest.mark.parametrize(
    ("allowed", "named"),
    [
        ("*", "'*'"),
        ("https://*.example", "'https://*.example'"),
        ("https://good.example,bad.example", "'bad.example'"),
        ("https://good.example/", "'https://good.example/'"),
        ("https://good.example/path", "'https://good.example/path'"),
        ("https://good.example:0", "'https://good.example:0'"),
        ("https://good.example:65536", "'https://good.example:65536'"),
        ("https://[::g]", r"'https://\[::g\]'"),
        ("ftp://good.example", "'ftp://good.example'"),
        ("null", "'null'"),
        ("https://good.example,,https://better.example", "''"),
        ("https://good.example,", "''"),
        ("https://a.example https://b.example", "'https://a.example https://b.example'"),
    ],
)
def test_a_wrong_list_is_refused_at_the_start_and_the_wrong_entry_named(allowed: str, named: str) -> None:
    expected = f"^TICKMESH_ALLOWED_ORIGINS: {named.replace('*', '[*]')} is none: an origin is https://host"
    with pytest.raises(SettingsError, match=expected):
        Origins(allowed)


def test_the_error_is_short_however_long_the_entry() -> None:
    with pytest.raises(SettingsError) as raised:
        Origins("x" * 100_000)
    assert len(str(raised.value)) < 300
