from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.ports import any_free, choose_ports, is_free, read_ports, write_ports

WISHES: dict[str, int | None] = {"http": 8080, "nats": 4222, "postgres": None}


def counting_from(first: int) -> Callable[[], int]:
    numbers = itertools.count(first)
    return lambda: next(numbers)


def test_first_run_takes_the_preferred_ports_and_any_for_the_rest() -> None:
    ports = choose_ports(WISHES, {}, lambda port: True, counting_from(50000))
    assert ports == {"http": 8080, "nats": 4222, "postgres": 50000}


def test_remembered_ports_come_before_preferred_ones() -> None:
    remembered = {"http": 9000, "nats": 4333, "postgres": 50123}
    assert choose_ports(WISHES, remembered, lambda port: True, counting_from(50000)) == remembered


def test_taken_ports_are_passed_over() -> None:
    taken = {9000, 8080, 50123}
    ports = choose_ports(
        WISHES, {"http": 9000, "postgres": 50123}, lambda port: port not in taken, counting_from(50000)
    )
    assert ports == {"http": 50000, "nats": 4222, "postgres": 50001}


def test_no_port_is_given_twice() -> None:
    remembered = {"http": 4222}
    system = iter([4222, 50000, 50000, 50001])
    ports = choose_ports(WISHES, remembered, lambda port: True, lambda: next(system))
    assert sorted(ports.values()) == [4222, 50000, 50001]


def test_a_system_without_ports_is_an_error() -> None:
    with pytest.raises(OSError, match="100 times"):
        choose_ports({"a": None, "b": None}, {}, lambda port: True, lambda: 7)


def test_listening_port_is_not_free_until_closed() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
    assert is_free(any_free())


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"http": "80"}', '{"http": 0}', '{"http": 65536}'])
def test_damaged_memory_remembers_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(text)
    assert read_ports(path) == {}


def test_ports_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    assert read_ports(path) == {}
    write_ports(path, {"http": 8080})
    assert read_ports(path) == {"http": 8080}
