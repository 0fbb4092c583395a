"""A little of what `make soak` does a lot of."""

import asyncio
import logging
from typing import Any

import pytest
from bench.soak import Figures, Left, soak

from emulator.serve.connection import DeviceConnection

# pytest keeps log records, these the errors they tell of, and those the connections they came from.
pytestmark = pytest.mark.usefixtures("quiet")
FLAT = Left(memory=60_000, descriptors=9, tasks=1, objects={})


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="emulator")


def test_nothing_is_left_of_requests_with_faults_and_clients_that_come_and_go() -> None:
    figures = asyncio.run(soak(2000, clients=6))
    assert figures.problems() == []
    assert figures.requests >= 1990  # each share is a whole number
    assert figures.answers > 1500
    assert figures.connections > 60
    assert figures.fired > 50
    assert figures.errors.keys() <= {
        "IncompleteReadError",
        "ConnectionResetError",
        "TimeoutError",
        "BrokenPipeError",
    }


def test_a_connection_that_is_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[DeviceConnection] = []
    lost = DeviceConnection.connection_lost

    def keeping(connection: DeviceConnection, exc: Exception | None) -> None:
        kept.append(connection)
        lost(connection, exc)

    monkeypatch.setattr(DeviceConnection, "connection_lost", keeping)
    (problem,) = asyncio.run(soak(200, clients=1)).problems()
    assert problem.startswith("objects: ")
    assert f"'DeviceConnection': {len(kept)}" in problem


def test_a_future_that_nobody_asks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    made = DeviceConnection.connection_made

    async def fail() -> None:
        raise ValueError("nobody asks")

    def failing(connection: DeviceConnection, transport: Any) -> None:
        made(connection, transport)
        asyncio.ensure_future(fail())  # noqa: RUF006 - that nobody keeps it is what is tested

    monkeypatch.setattr(DeviceConnection, "connection_made", failing)
    problems = asyncio.run(soak(50, clients=1)).problems()
    assert problems
    assert {problem.splitlines()[0] for problem in problems} == {
        "the event loop: Task exception was never retrieved"
    }


@pytest.mark.parametrize(
    ("end", "problem"),
    [
        (Left(68_193, 9, 1, {}), "memory grew from 60000 to 68193 KiB"),
        (Left(60_000, 10, 1, {}), "descriptors: 9 before, 10 afterwards"),
        (Left(60_000, 9, 3, {}), "tasks: 1 before, 3 afterwards"),
    ],
)
def test_what_is_left_is_told(end: Left, problem: str) -> None:
    assert Figures(left=[FLAT, FLAT, end]).problems() == [problem]
    assert Figures(left=[FLAT, FLAT, FLAT]).problems() == []
