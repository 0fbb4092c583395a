"""What the devices of a fleet file are, and what they share."""

from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from emulator import resources
from emulator.entropy import Seeded
from emulator.faults import Faults
from emulator.profile.fleet import LoadedFleet, fleet_schema, is_fleet, load_fleet

AT = datetime(2025, 6, 1, tzinfo=UTC)
LAB = resources.folder("profiles") / "fleets" / "lab.yaml"


def fleet(folder: Path, *devices: str, more: str = "", sets: tuple[str, ...] = ()) -> LoadedFleet:
    path = folder / "f.yaml"
    path.write_text("\n".join(["fleet: 1", more, "devices:", *(f"- {one}" for one in devices)]))
    return load_fleet(path, sets=sets, at=AT)


def test_devices_are_named_and_addressed_in_a_row(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        "{profile: nvme-ssd, count: 2, port: 2400}",
        "{profile: gpu, port: 0}",
        "{profile: gpu, name: 'gpu-{n:03}', first: 7, count: 2, host: '::1', port: 5000}",
        "{profile: gpu, name: 'far-{n:02x}', first: 31, path: 'run/{n}.sock'}",
    )
    assert found.name == "f"
    assert [(one.name, one.address) for one in found.members] == [
        ("nvme-ssd-1", "127.0.0.1:2400"),
        ("nvme-ssd-2", "127.0.0.1:2401"),
        ("gpu", "127.0.0.1:0"),
        ("gpu-007", "::1:5000"),
        ("gpu-008", "::1:5001"),
        ("far-1f", f"unix:{tmp_path}/run/31.sock"),
    ]


def test_without_an_address_it_is_the_profiles(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        "{profile: nvme-ssd, count: 2}",
        "{profile: gpu, set: {listener.path: gpu.sock}}",
        "{profile: gpu, name: other, port: 0, set: {listener.path: gpu.sock}}",
    )
    assert [one.address for one in found.members] == [
        "127.0.0.1:2323",
        "127.0.0.1:2324",
        "unix:gpu.sock",
        "127.0.0.1:0",
    ]


def test_functions_follow_their_device(tmp_path: Path) -> None:
    def places(entry: str) -> list[str]:
        return [f"{one.name} {one.address}" for one in fleet(tmp_path, entry).members]

    three = "{profile: sr-iov, name: 'n{n}', count: 2, "
    assert places(three + "port: 100}") == [
        "n1 127.0.0.1:100",
        "n1/vf1 127.0.0.1:101",
        "n1/vf2 127.0.0.1:102",
        "n2 127.0.0.1:103",
        "n2/vf1 127.0.0.1:104",
        "n2/vf2 127.0.0.1:105",
    ]
    assert places(three + "port: 0, host: h}")[1] == "n1/vf1 h:0"
    assert places("{profile: sr-iov, path: x.sock}")[2].endswith("x-vf2.sock")
    own = "set: {functions.vf2.listener.port: 9000}"
    ports = [one.rpartition(":")[2] for one in places(f"{{profile: sr-iov, {own}}}")]
    assert ports == ["2323", "2324", "9000"]
    own = "set: {functions.vf2.listener.path: /run/v.sock}"
    assert places(f"{{profile: sr-iov, {own}}}")[2] == "sr-iov/vf2 unix:/run/v.sock"
    members = fleet(tmp_path, three + "port: 100}").members
    assert [one.of for one in members] == ["", "n1", "n1", "", "n2", "n2"]
    assert members[1].loaded is members[4].loaded


def test_devices_that_differ_in_their_number_alone_share_all_else(tmp_path: Path) -> None:
    found = fleet(tmp_path, "{profile: nvme-ssd, count: 1000, port: 0}")
    assert len({id(one.loaded) for one in found.members}) == 1


def test_a_number_in_a_value_makes_devices_of_their_own(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        "{profile: nvme-ssd, count: 3, first: 15, port: 0, set: {identity.serial: '0x{n:016x}',"
        " 'measurements[0].text': 'ROM of {n}', timing.delay: 20ms}}",
    )
    assert [one.loaded.identity.serial for one in found.members] == [15, 16, 17]
    assert [one.loaded.measurements[0].value for one in found.members] == [
        b"ROM of 15",
        b"ROM of 16",
        b"ROM of 17",
    ]
    assert found.members[0].loaded.profile.timing.delay == pytest.approx(0.02)
    keys = {one.loaded.chains[0].chain.key.public.spki for one in found.members}
    assert len(keys) == 3


def test_profiles_and_files_are_relative_to_who_names_them(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / "rom.bin").write_bytes(b"of the fleet")
    (below / "own.yaml").write_text("profile: 1\nname: own\nextends: nvme-ssd\n")
    found = fleet(
        tmp_path,
        "{profile: below/own.yaml, set: {measurements: [{index: 1, type: immutable-rom,"
        " file: rom.bin}]}}",
    )
    assert found.members[0].name == "own"
    assert found.members[0].loaded.measurements[0].value == b"of the fleet"


def test_faults_stand_behind_the_profiles_own(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "profile: 1\nname: own\nextends: nvme-ssd\npresets: [busy-once]\n"
        "faults: [{name: a, do: [busy]}]\n"
    )
    found = fleet(
        tmp_path,
        "{profile: own.yaml, presets: [reply-late-in-time], faults: [{name: b, do: [busy]}]}",
    )
    recipe = found.members[0].recipe
    assert [rule.name for rule in recipe.rules] == ["reply-late-in-time", "b"]
    device = recipe.build(found.members[0].loaded, entropy=Seeded(1), at=AT)
    assert isinstance(device.stages, Faults)
    assert [rule.name for rule in device.stages.rules] == [
        "busy-once",
        "a",
        "reply-late-in-time",
        "b",
    ]


def test_a_device_can_be_made_anew_from_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "rom.bin").write_bytes(b"of the fleet")
    found = fleet(
        tmp_path,
        "{profile: nvme-ssd, count: 2, port: 0, set: {identity.serial: '{n}', description: '7',"
        " measurements: [{index: 1, type: immutable-rom, file: rom.bin}]}}",
        sets=("timing.delay=1ms",),
    )
    for member in found.members:
        again = member.recipe.load(at=AT)
        assert again.profile == member.loaded.profile
        assert again.measurements == member.loaded.measurements


def test_settings_for_all_come_last(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        "{profile: nvme-ssd, set: {timing.delay: 20ms}}",
        "{profile: gpu, port: 0}",
        sets=("timing.delay=1ms",),
    )
    delays = [one.loaded.profile.timing.delay for one in found.members]
    assert delays == [pytest.approx(0.001)] * 2


def test_the_example_is_good_and_as_its_schema_has_it() -> None:
    found = load_fleet(LAB, at=AT)
    assert found.name == "lab"
    assert len({one.loaded.identity.san for one in found.members[:8]}) == 8
    schema = fleet_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(YAML(typ="safe").load(LAB), schema)


def test_a_fleet_is_told_from_a_profile(tmp_path: Path) -> None:
    assert is_fleet(LAB)
    assert not is_fleet("nvme-ssd")
    assert not is_fleet("no-such-thing")
    (tmp_path / "list.yaml").write_text("[fleet]")
    assert not is_fleet(tmp_path / "list.yaml")
