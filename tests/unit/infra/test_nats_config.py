from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.nats_service import TEMPLATE, NatsSettings, render_config

SETTINGS = NatsSettings(4333, Path('/a "folder"/höhe'), "mesh-secret", "guest-secret", "system-secret")


def test_template_takes_every_setting_quoted() -> None:
    config = render_config(TEMPLATE.read_text(), SETTINGS)
    assert "\nport: 4333\n" in config
    assert r'store_dir: "/a \"folder\"/höhe"' in config
    for secret in ("mesh-secret", "guest-secret", "system-secret"):
        assert f'"{secret}"' in config
    assert "@{" not in config


def test_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        render_config("colour: @{colour}", SETTINGS)


def test_addresses_name_their_users() -> None:
    assert SETTINGS.url == "nats://mesh:mesh-secret@127.0.0.1:4333"
    assert SETTINGS.guest_url == "nats://127.0.0.1:4333"
    assert SETTINGS.system_url == "nats://system:system-secret@127.0.0.1:4333"
