"""Events: told once, heard by those who want them, and never waited for."""

import asyncio
from datetime import datetime, timedelta, timezone

import jsonschema
import pytest

from emulator import events
from emulator.control import Wanted
from emulator.control.hub import Hub

NOW = datetime(2026, 11, 23, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))


def hub() -> Hub:
    return Hub("lab", clock=lambda: NOW)


async def test_an_event_has_a_head_and_its_own_fields() -> None:
    told = hub()
    with told.subscribe() as heard:
        told.tell(events.ConnectionUp(device="nvme", connection=3, peer="127.0.0.1:1"))
        assert await anext(heard) == {
            "v": 1,
            "event": "connection.up",
            "time": "2026-11-23T12:00:00.000005Z",
            "emulator": "lab",
            "sequence": 0,
            "device": "nvme",
            "connection": 3,
            "peer": "127.0.0.1:1",
        }


@pytest.mark.parametrize(
    ("devices", "kinds", "count"),
    [
        (("*",), ("*",), 4),
        (("nvme-*",), ("*",), 3),
        (("nvme-1",), ("device.*",), 1),
        (("gpu",), ("device.down",), 0),
        (("gpu",), ("emulator.up",), 1),
    ],
)
async def test_each_hears_what_it_wants(
    devices: tuple[str, ...], kinds: tuple[str, ...], count: int
) -> None:
    told = hub()
    heard = told.subscribe(Wanted(devices, kinds))
    told.tell(events.EmulatorUp(devices=2))
    told.tell(events.DeviceReset(device="nvme-1"))
    told.tell(events.FaultsChanged(device="nvme-2", rules=[]))
    told.tell(events.DeviceReset(device="gpu"))
    assert len(heard.take()) == count
    assert heard.dropped == 0


async def test_what_does_not_fit_is_counted_and_a_gap_shows_it() -> None:
    told = hub()
    slow, quick = told.subscribe(limit=2), told.subscribe(limit=9)
    for _ in range(5):
        told.tell(events.DeviceReset(device="nvme"))
    assert [event["sequence"] for event in slow.take()] == [0, 1]
    assert slow.dropped == 3
    told.tell(events.DeviceReset(device="nvme"))
    assert [event["sequence"] for event in slow.take()] == [5]
    assert (len(quick.take()), quick.dropped) == (6, 0)


async def test_a_subscription_ends_once_it_is_closed_and_empty() -> None:
    told = hub()
    heard = told.subscribe()
    waiting = asyncio.create_task(anext(heard))
    await asyncio.sleep(0)
    assert not waiting.done()
    told.tell(events.DeviceReset(device="nvme"))
    assert (await waiting)["event"] == "device.reset"
    told.tell(events.DeviceReset(device="last"))
    told.close()
    assert not told.listening
    told.tell(events.DeviceReset(device="unheard"))
    assert [event["device"] async for event in heard] == ["last"]


def test_events_nobody_hears_are_counted() -> None:
    told = hub()
    told.tell(events.DeviceReset(device="nvme"))
    assert told.told == 1


@pytest.mark.parametrize(
    "event",
    [
        events.EmulatorUp(devices=2),
        events.DeviceUp(device="d", address="127.0.0.1:1", profile="nvme-ssd"),
        events.Step(device="d", connection=1, request="CHALLENGE", result="silent"),
        events.Dropped(count=3),
    ],
)
def test_the_schema_describes_events(event: events.Event) -> None:
    made = events.stamped(event, time="2026-11-23T12:00:00Z", emulator="e", sequence=0)
    validator = jsonschema.Draft202012Validator(events.schema())
    validator.validate(made)
    assert not validator.is_valid({**made, "event": "unknown"})
    assert not validator.is_valid({name: made[name] for name in made if name != "sequence"})


def test_every_kind_has_a_schema() -> None:
    kinds = {one["properties"]["event"]["const"] for one in events.schema()["oneOf"]}
    assert kinds == set(events.KINDS)
