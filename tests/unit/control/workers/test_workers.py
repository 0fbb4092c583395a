"""Devices in several processes: real ones, driven from the test's event loop."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bench import client as canned
from bench.crowd import attest_each as attest_all

from emulator.control import ControlError
from emulator.control.desk import Desk
from emulator.control.fleet_file import FleetFile, Source
from emulator.control.hub import Hub
from emulator.control.recordings import Recordings
from emulator.control.workers import Workers, parent
from emulator.entropy import Seeded
from emulator.profile.fleet import load_fleet
from emulator.serve import Listener
from emulator.serve.fleet import Fleet
from emulator.serve.run import ListenError

DEVICES = "- {profile: nvme-ssd, name: 'd-{n}', count: 4, port: 0, presets: [busy-once]}"
SOUND = DEVICES.replace(", presets: [busy-once]", "")


def now() -> datetime:
    return datetime.now(UTC)


def source(folder: Path, *devices: str) -> Source:
    path = folder / "f.yaml"
    path.write_text("\n".join(["fleet: 1", "devices:", *devices]), encoding="utf-8")
    return Source(path, (), (), Seeded("x"), now)


@asynccontextmanager
async def working(
    folder: Path, *devices: str, count: int = 2
) -> AsyncIterator[tuple[Workers, FleetFile]]:
    """The devices of a fleet's file, served by workers."""
    made = source(folder, *(devices or (DEVICES,)))
    file = FleetFile(made, load_fleet(made.path, at=now()))
    hub = Hub("lab", clock=now)
    desk = Desk(Fleet(hub), hub, Recordings())
    workers = Workers(count, desk)
    desk.reload = lambda: file.reload(workers)
    try:
        await workers.open(file.devices())
        yield workers, file
    finally:
        await workers.close()


def addresses(workers: Workers) -> list[tuple[str, int]]:
    return [served.bound or ("", 0) for served in workers.served.values()]


def processes(workers: Workers) -> list[int]:
    return [one.process.pid for one in workers._workers if one.process is not None]


def size_of(name: str) -> int:
    return Path(name).stat().st_size


def challenged(address: tuple[str, int]) -> bytes:
    """A device's reply to the first challenge of its first connection: nonce and signature."""
    with canned.Client(*address) as client:
        client.attest("ECDSA_P384", "SHA_384")
        return client.ask(canned.CHALLENGE)


async def test_devices_are_shared_out_and_all_can_be_attested(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        assert len(set(processes(workers))) == 2
        assert (await attest_all(addresses(workers)[:2])).wrong == []
        told = await workers.call("devices.list")
        assert list(told) == ["d-1", "d-2", "d-3", "d-4"]
        assert [one["attached"] for one in told.values()] == [1, 1, 0, 0]
        assert [one["address"] for one in told.values()] == [
            f"{host}:{port}" for host, port in addresses(workers)
        ]
        info = await workers.call("emulator.info")
        assert (info["emulator"], info["devices"]) == ("lab", 4)


async def test_functions_of_a_device_stay_in_one_process(tmp_path: Path) -> None:
    cards = "- {profile: sr-iov, name: 'n-{n}', count: 2, port: 0}"
    async with working(tmp_path, cards) as (workers, _):
        names = [f"n-{n}{part}" for n in (1, 2) for part in ("", "/vf1", "/vf2")]
        assert [*workers.names()] == names
        assert [workers._of[name] for name in names] == [0, 0, 0, 1, 1, 1]
        told = await workers.call("device.reset", {"devices": ["n-2/vf1"]})
        assert told == {"n-2": 1, "n-2/vf1": 1, "n-2/vf2": 1}
        details = await workers.call("device.get")
        assert len({one["san"] for one in details.values()}) == 3
        # One that is taken away and comes again is served beside the others of its device.
        served = workers.served["n-2/vf1"]
        await workers.remove("n-2/vf1", "a test")
        served.bound = None
        await workers.add(served)
        assert workers._of["n-2/vf1"] == 1
        assert len(await workers.call("device.reset", {"devices": ["n-2"]})) == 3


async def test_operations_go_to_the_devices_they_name(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        found = await workers.call("faults.clear", {"devices": ["d-[23]"]})
        assert list(found) == ["d-2", "d-3"]
        armed = await workers.call("faults.list")
        assert {name: len(rules) for name, rules in armed.items()} == {
            "d-1": 1,
            "d-2": 0,
            "d-3": 0,
            "d-4": 1,
        }
        assert list(await workers.call("device.reset", {"devices": ["d-4"]})) == ["d-4"]


REFUSED: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("devices.lis", {}, "unknown-operation", "did you mean devices.list?"),
    ("devices.list", {"device": ["x"]}, "invalid", "found an unknown key"),
    ("devices.list", {"devices": ["d-9"]}, "not-found", 'found "d-9"; expected a device of d-1'),
    ("faults.add", {"presets": ["busy-onc"]}, "invalid", "did you mean busy-once?"),
    ("emulator.stop", {}, "conflict", "not to be ended from outside"),
)


async def test_refusals(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        for operation, arguments, code, problem in REFUSED:
            with pytest.raises(ControlError) as caught:
                await workers.call(operation, arguments)
            assert caught.value.code == code
            assert problem in str(caught.value)


async def test_events_of_all_come_as_one_emulators(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        with workers.subscribe() as events:
            await workers.call("device.reset")
            told = [await anext(events) for _ in range(4)]
        assert {one["device"] for one in told} == {"d-1", "d-2", "d-3", "d-4"}
        assert {(one["event"], one["emulator"]) for one in told} == {("device.reset", "lab")}
        assert [one["sequence"] for one in told] == [0, 1, 2, 3]
        await workers.call("device.reset")
        assert workers._desk.hub.told == 4  # nobody hears: nothing is sent


async def test_each_worker_records_into_a_file_of_its_own(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        file = str(tmp_path / "lab.pcapng")
        await workers.call("recording.start", {"file": file})
        await attest_all(addresses(workers))
        got = await workers.call("recording.get")
        told = await workers.call("recording.stop")
        assert told == got
        names = told["file"].split(", ")
        assert names == [str(tmp_path / f"lab.{number}.pcapng") for number in (1, 2)]
        assert sum(map(size_of, names)) == told["size"]
        assert told["packets"] > 0
        assert (await workers.call("emulator.info"))["recording"] is None


async def test_a_reload_reaches_the_workers(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        before = dict(zip(workers.served, addresses(workers), strict=True))
        with workers.subscribe() as events:
            source(
                tmp_path,
                "- {profile: nvme-ssd, name: 'd-{n}', count: 3, port: 0, presets: [busy-once]}",
                "- {profile: nvme-ssd, name: d-4, port: 0, set: {versions: ['1.2']}}",
                "- {profile: nvme-ssd, name: new, port: 0}",
                "- {profile: nvme-ssd, name: newer, path: newer.sock}",
            )
            assert await workers.call("fleet.reload") == {
                "added": ["new", "newer"],
                "removed": [],
                "changed": ["d-4"],
                "unchanged": ["d-1", "d-2", "d-3"],
            }
            told = [await anext(events) for _ in range(4)]
        assert sorted((one["event"], one.get("device", "")) for one in told) == [
            ("device.changed", "d-4"),
            ("device.up", "new"),
            ("device.up", "newer"),
            ("fleet.reloaded", ""),
        ]
        after = dict(zip(workers.served, addresses(workers), strict=True))
        assert after["d-4"] == before["d-4"]
        found = await workers.call("device.get", {"devices": ["d-4", "new*"]})
        assert [one["versions"] for one in found.values()] == [
            ["1.2"],
            ["1.2", "1.3"],
            ["1.2", "1.3"],
        ]
        source(tmp_path, "- {profile: nvme-ssd, name: new, port: 0}")
        gone = (await workers.call("fleet.reload"))["removed"]
        assert gone == ["d-1", "d-2", "d-3", "d-4", "newer"]
        assert list(await workers.call("devices.list")) == ["new"]


async def test_a_worker_that_dies_is_told_and_replaced_on_the_same_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "FIRST_WAIT", 0.01)
    async with working(tmp_path) as (workers, _):
        before, (victim, other) = addresses(workers), processes(workers)
        with workers.subscribe() as events:
            os.kill(victim, signal.SIGKILL)
            trouble = await anext(events)
            assert trouble["event"] == "error"
            assert f"worker 1 (process {victim}) has ended with -9" in trouble["what"]
            downs = [await anext(events) for _ in range(2)]
            assert [(one["event"], one["device"]) for one in downs] == [
                ("device.down", "d-1"),
                ("device.down", "d-3"),
            ]
            ups = [await anext(events) for _ in range(2)]
            assert [(one["event"], one["device"]) for one in ups] == [
                ("device.up", "d-1"),
                ("device.up", "d-3"),
            ]
        assert addresses(workers) == before
        assert processes(workers)[1] == other
        await workers.call("faults.clear")
        assert (await attest_all(before)).wrong == []


async def test_what_is_asked_of_a_worker_that_is_gone_fails(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        os.kill(processes(workers)[0], signal.SIGSTOP)
        asked = asyncio.ensure_future(workers.call("device.get", {"devices": ["d-1"]}))
        await asyncio.sleep(0.05)
        os.kill(processes(workers)[0], signal.SIGKILL)
        with pytest.raises(ControlError, match=r"worker 1 .* has ended"):
            await asked


async def test_an_address_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        _, port = addresses(workers)[0]
        with pytest.raises(ListenError, match=f"x: cannot listen on 127.0.0.1:{port}: "):
            async with working(tmp_path, f"- {{profile: nvme-ssd, name: x, port: {port}}}"):
                pass


async def test_no_worker_outlives_its_parents_end(tmp_path: Path) -> None:
    async with working(tmp_path) as (workers, _):
        running = processes(workers)
        assert all(map(_runs, running))
    assert not any(map(_runs, running))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("count", [1, 3])
async def test_what_a_device_draws_does_not_depend_on_the_workers(
    tmp_path: Path, count: int
) -> None:
    path = source(tmp_path, SOUND)
    expected = []
    for served in FleetFile(path, path.load()).devices():
        listener = Listener(served.device)
        expected.append(await asyncio.to_thread(challenged, await listener.start("127.0.0.1", 0)))
        await listener.stop()
    async with working(tmp_path, SOUND, count=count) as (workers, _):
        assert [await asyncio.to_thread(challenged, one) for one in addresses(workers)] == expected
    assert len(set(expected)) == 4
