"""Settings: what a process is told, and what it says of what it cannot use."""

import pytest

from mesh.settings import MeshSettings, SettingsError, read_settings
from workers.feed.settings import FeedSettings

NEEDED = {"TICKMESH_NATS_URL": "nats://127.0.0.1:4222"}

REFUSED = {
    "NATS_URL": ("", "Expected `str` of length >= 1"),
    "PARTITIONS": ("sixteen", "Expected `int`, got `str`"),
    "REPLICAS": ("6", "Expected `int` <= 5"),
    "MAX_BULK_SUBSCRIPTIONS": ("0", "Expected `int` >= 1"),
    "TAPE_MAX_BYTES": ("1000", "Expected `int` >= 1048576"),
    "TAPE_MAX_AGE_HOURS": ("inf", "Expected `float` <= 100000"),
    "LOG_LEVEL": ("loud", "DEBUG|INFO|WARNING|ERROR|CRITICAL"),
    "QUOTE_WINDOW_MS": ("-1", "Expected `float` >= 0"),
    "DEPTH_WINDOW_MS": ("nan", "Expected `float` >= 0"),
    "TAPE_LINGER_MS": ("10001", "Expected `float` <= 10000"),
    "CACHE_INTERVAL_MS": ("49", "Expected `float` >= 50"),
    "CHECKPOINT_INTERVAL_S": ("0.5", "Expected `float` >= 1"),
}


def test_what_is_not_said_has_its_default() -> None:
    settings = read_settings(MeshSettings, {**NEEDED, "TICKMESH_FEED": "not for this process", "PATH": "/bin"})
    assert settings == MeshSettings(nats_url="nats://127.0.0.1:4222")
    assert settings.partitions == 16


def test_what_is_said_is_read_as_its_type() -> None:
    said = {"TICKMESH_PARTITIONS": "64", "TICKMESH_QUOTE_WINDOW_MS": "0", "TICKMESH_FEED": "sim:rate=10"}
    settings = read_settings(FeedSettings, {**NEEDED, **said})
    assert (settings.partitions, settings.quote_window_ms, settings.feed) == (64, 0.0, "sim:rate=10")


def test_a_needed_variable_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^TICKMESH_NATS_URL is not set$"):
        read_settings(MeshSettings, {})


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_out_of_bounds_is_refused_with_its_variable_and_its_bound(name: str) -> None:
    text, bound = REFUSED[name]
    with pytest.raises(SettingsError) as error:
        read_settings(FeedSettings, {**NEEDED, f"TICKMESH_{name}": text})
    assert str(error.value).startswith(f"TICKMESH_{name}: ")
    assert bound in str(error.value)


@pytest.mark.parametrize("partitions", ["3", "10", "255"])
def test_partitions_that_are_no_power_of_two_are_refused(partitions: str) -> None:
    with pytest.raises(SettingsError, match=f"^TICKMESH_PARTITIONS: {partitions} is not a power of two from 1 to 256$"):
        read_settings(MeshSettings, {**NEEDED, "TICKMESH_PARTITIONS": partitions})
