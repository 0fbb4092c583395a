"""The broker that a fleet's file names."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.cli.fleet import broker_of
from emulator.control.fleet_file import FleetFile, Source
from emulator.entropy import Seeded


def file(folder: Path, *lines: str) -> FleetFile:
    path = folder / "f.yaml"
    path.write_text("\n".join(["fleet: 1", "devices: [{profile: nvme-ssd}]", *lines]))
    source = Source(path, (), (), Seeded(1), lambda: datetime(2026, 11, 23, tzinfo=UTC))
    return FleetFile(source, source.load())


@pytest.mark.parametrize(
    ("more", "option", "expected"), [((), None, "f"), (("name: lab",), None, "lab"), ((), "x", "x")]
)
def test_topics_call_a_fleet_as_its_file_does(
    tmp_path: Path, more: tuple[str, ...], option: str | None, expected: str
) -> None:
    found = broker_of(file(tmp_path, "mqtt: {host: broker}", *more), option)
    assert found is not None
    assert found.fleet == expected
    assert found.dialer.broker.host == "broker"
    assert not found.shared


def test_a_fleet_may_have_none(tmp_path: Path) -> None:
    assert broker_of(file(tmp_path), None) is None
