"""A fleet's file read again: what changes, for whom, and what is said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from unit.control.desks import Lab, lab
from unit.serve.loopback import Client

from emulator.control.fleet_file import DeskDevices, FleetFile, Source
from emulator.entropy import Seeded
from emulator.profile.fleet import changes, load_fleet

AT = datetime(2026, 11, 23, tzinfo=UTC)


def write(path: Path, *devices: str) -> Path:
    path.write_text("\n".join(["fleet: 1", "devices:", *(f"- {one}" for one in devices)]))
    return path


def source(path: Path) -> Source:
    return Source(path, (), (), Seeded(1), lambda: AT)


@asynccontextmanager
async def fleet(path: Path) -> AsyncIterator[tuple[Lab, FleetFile]]:
    """The devices of a file, listening, and what keeps them so."""
    file = FleetFile(source(path), source(path).load())
    async with lab(()) as made:
        for one in file.devices():
            await made.fleet.start(one)
        made.control.desk.reload = lambda: file.reload(DeskDevices(made.control.desk))
        yield made, file


async def versions(client: Client) -> list[int]:
    """What a device says to GET_VERSION."""
    reply = await client.ask(bytes((0x10, 0x84, 0, 0)))
    return [reply[7 + 2 * index] for index in range(reply[5])]


class TestChanges:
    def told(self, folder: Path, before: tuple[str, ...], after: tuple[str, ...]) -> Any:
        path = folder / "f.yaml"
        old = load_fleet(write(path, *before), at=AT)
        found = changes(old, load_fleet(write(path, *after), at=AT))
        return (
            [one.name for one in found.added],
            list(found.removed),
            {name: ways for name, (_, ways) in found.changed.items()},
            list(found.unchanged),
        )

    def test_the_same_file_changes_nothing(self, tmp_path: Path) -> None:
        one = ("{profile: nvme-ssd, count: 2, port: 0, set: {identity.serial: '{n}'}}",)
        assert self.told(tmp_path, one, one) == ([], [], {}, ["nvme-ssd-1", "nvme-ssd-2"])

    def test_devices_come_and_go(self, tmp_path: Path) -> None:
        before = ("{profile: nvme-ssd, count: 2, port: 0}",)
        after = ("{profile: nvme-ssd, count: 2, first: 2, port: 0}", "{profile: gpu, port: 0}")
        assert self.told(tmp_path, before, after) == (
            ["nvme-ssd-3", "gpu"],
            ["nvme-ssd-1"],
            {},
            ["nvme-ssd-2"],
        )

    def test_values_faults_and_addresses_are_named(self, tmp_path: Path) -> None:
        before = tuple(f"{{profile: nvme-ssd, name: {name}, port: 0}}" for name in "abcd")
        after = (
            "{profile: nvme-ssd, name: a, port: 0, set: {timing.delay: 1ms, versions: ['1.2']}}",
            "{profile: nvme-ssd, name: b, port: 0, presets: [busy-once]}",
            "{profile: nvme-ssd, name: c, port: 4000}",
            "{profile: nvme-ssd, name: d, port: 0}",
        )
        assert self.told(tmp_path, before, after) == (
            [],
            [],
            {"a": ["timing.delay", "versions"], "b": ["faults"], "c": ["address"]},
            ["d"],
        )

    def test_functions_are_devices_of_their_own(self, tmp_path: Path) -> None:
        before = ("{profile: sr-iov, name: n, port: 0}",)
        changed = "functions.vf1.timing.delay: 1ms, functions.vf2: null, functions.vf3: {}"
        after = (f"{{profile: sr-iov, name: n, port: 0, set: {{{changed}}}}}",)
        assert self.told(tmp_path, before, after) == (
            ["n/vf3"],
            ["n/vf2"],
            {"n/vf1": ["timing.delay"]},
            ["n"],
        )

    def test_the_contents_of_files_count(self, tmp_path: Path) -> None:
        rom = tmp_path / "rom.bin"
        entry = (
            "{profile: nvme-ssd, set: {measurements: [{index: 1, type: version, file: rom.bin}]}}"
        )
        rom.write_bytes(b"1")
        old = load_fleet(write(tmp_path / "f.yaml", entry), at=AT)
        rom.write_bytes(b"2")
        found = changes(old, load_fleet(tmp_path / "f.yaml", at=AT))
        assert {name: ways for name, (_, ways) in found.changed.items()} == {
            "nvme-ssd": ["measurements"]
        }


async def test_functions_that_come_and_go_belong_to_their_device(tmp_path: Path) -> None:
    path = write(tmp_path / "f.yaml", "{profile: sr-iov, name: n, port: 0}")
    async with fleet(path) as (made, _):
        write(path, "{profile: sr-iov, name: n, port: 0, set: {functions.vf2: null}}")
        assert (await made.call("fleet.reload"))["removed"] == ["n/vf2"]
        assert await made.call("device.reset", devices=["n"]) == {"n": 1, "n/vf1": 1}
        write(path, "{profile: sr-iov, name: n, port: 0}")
        assert (await made.call("fleet.reload"))["added"] == ["n/vf2"]
        told = await made.call("device.reset", devices=["n/vf2"])
        assert told == {"n": 2, "n/vf1": 2, "n/vf2": 1}


async def test_what_has_changed_is_said_and_holds_for_new_connections(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.yaml",
        "{profile: nvme-ssd, name: 'd-{n}', count: 3, port: 0}",
        "{profile: nvme-ssd, name: gone, port: 0}",
    )
    async with fleet(path) as (made, file), made.client("d-2") as old:
        ready: list[str] = []
        file.ready = lambda served: ready.append(served.name)
        with made.control.subscribe() as events:
            write(
                path,
                "{profile: nvme-ssd, name: d-1, port: 0}",
                "{profile: nvme-ssd, name: d-2, port: 0, set: {versions: ['1.2']}}",
                "{profile: nvme-ssd, name: d-3, port: 0}",
                "{profile: nvme-ssd, name: new, port: 0}",
            )
            was = made.fleet.served["d-2"].bound
            assert await made.call("fleet.reload") == {
                "added": ["new"],
                "removed": ["gone"],
                "changed": ["d-2"],
                "unchanged": ["d-1", "d-3"],
            }
            told = events.take()
        assert ready == ["new"]
        assert made.fleet.served["d-2"].bound == was
        assert sorted(made.fleet.served) == ["d-1", "d-2", "d-3", "new"]
        assert [(one["event"], one.get("device")) for one in told] == [
            ("device.down", "gone"),
            ("device.changed", "d-2"),
            ("device.up", "new"),
            ("fleet.reloaded", None),
        ]
        assert told[1]["changes"] == ["versions"]
        assert await versions(old) == [0x12, 0x13]
        async with made.client("d-2") as new:
            assert await versions(new) == [0x12]


async def test_a_file_with_mistakes_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "f.yaml", "{profile: nvme-ssd, name: a, port: 0}")
    async with fleet(path) as (made, file):
        before = file.loaded
        write(path, "{profile: gpu, name: b, port: 0}", "{profile: nvme-sd}")
        code, problems = await made.refused("fleet.reload")
        assert code == "invalid"
        assert len(problems) == 1
        assert problems[0].startswith(f'{path}:4:13: devices[1].profile: found "nvme-sd"; expected')
        assert list(made.fleet.served) == ["a"]
        assert file.loaded is before


async def test_what_control_did_stays_where_the_file_says_what_it_said(tmp_path: Path) -> None:
    path = write(tmp_path / "f.yaml", "{profile: nvme-ssd, name: 'd-{n}', count: 2, port: 0}")
    async with fleet(path) as (made, _):
        await made.call("faults.add", presets=["busy-once"])
        write(
            path,
            "{profile: nvme-ssd, name: d-1, port: 0}",
            "{profile: nvme-ssd, name: d-2, port: 0, set: {timing.delay: 1ms}}",
        )
        await made.call("fleet.reload")
        armed = await made.call("faults.list")
        assert [(name, len(rules)) for name, rules in armed.items()] == [("d-1", 1), ("d-2", 0)]


async def test_a_device_whose_address_has_changed_is_served_there(tmp_path: Path) -> None:
    path = write(tmp_path / "f.yaml", "{profile: nvme-ssd, name: a, path: a.sock}")
    async with fleet(path) as (made, _):
        write(path, "{profile: nvme-ssd, name: a, path: b.sock}")
        assert (await made.call("fleet.reload"))["changed"] == ["a"]
        assert made.fleet.served["a"].at == f"unix:{tmp_path}/b.sock"
        assert not (tmp_path / "a.sock").exists()


async def test_an_address_that_cannot_be_had_is_told_and_tried_again(tmp_path: Path) -> None:
    path = write(tmp_path / "f.yaml", "{profile: nvme-ssd, name: a, port: 0}")
    async with fleet(path) as (made, _):
        _, port = made.fleet.served["a"].bound or ("", 0)
        entries = (
            "{profile: nvme-ssd, name: a, port: 0}",
            f"{{profile: nvme-ssd, name: b, port: {port}}}",
            "{profile: nvme-ssd, name: c, port: 0}",
        )
        write(path, *entries)
        code, problems = await made.refused("fleet.reload")
        assert code == "failed"
        (problem,) = problems
        assert problem.startswith(f"b: cannot listen on 127.0.0.1:{port}: ")
        assert sorted(made.fleet.served) == ["a", "c"]
        write(path, *entries[1:])
        assert await made.call("fleet.reload") == {
            "added": [],
            "removed": ["a"],
            "changed": [],
            "unchanged": ["b", "c"],
        }
        assert sorted(made.fleet.served) == ["b", "c"]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
async def test_what_a_device_draws_does_not_depend_on_its_place(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    path = write(
        tmp_path / "f.yaml", *(f"{{profile: nvme-ssd, name: {name}, port: 0}}" for name in order)
    )
    made = {one.name: one.device for one in FleetFile(source(path), source(path).load()).devices()}
    expected = Seeded(1).fork("device a").bytes(8, label="x")
    assert made["a"].entropy.bytes(8, label="x") == expected
    assert made["b"].entropy.bytes(8, label="x") != expected
