"""`show --keylog` as a user runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from unit.report.sealing import ID, Sealed

from emulator.cli.main import app
from emulator.record import ENCODERS


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A recording with one session, and its key log."""
    sealed = Sealed().exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(bytes.fromhex("13e80000"))
    sealed.seal(bytes.fromhex("13680000"), request=False)
    encoder = ENCODERS["pcap"]()
    recording = tmp_path / "session.pcap"
    packets = b"".join(map(encoder.encode, sealed.packets))
    recording.write_bytes(encoder.start() + packets)
    keylog = tmp_path / "keys.log"
    keylog.write_text(sealed.keylog)
    return recording, keylog


def test_what_was_said_in_a_session(files: tuple[Path, Path]) -> None:
    recording, keylog = files
    closed = run("show", recording)
    assert closed.exit_code == 0, closed.output
    assert "(secured)" in closed.stdout
    shown = run("show", recording, "--keylog", keylog)
    assert shown.exit_code == 0, shown.output
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert f"-> HEARTBEAT 4 B in session {ID:08x}: still there" in lines
    assert "(secured)" not in shown.stdout


def test_the_same_for_scripts(files: tuple[Path, Path]) -> None:
    recording, keylog = files
    document = json.loads(run("show", recording, "--keylog", keylog, "--json").stdout)
    (conversation,) = document["conversations"]
    inside = [one for one in conversation["packets"] if "session" in one]
    assert [one["name"] for one in inside] == ["HEARTBEAT", "HEARTBEAT_ACK"]
    assert {one["session"] for one in inside} == {f"{ID:08x}"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "keys.log: No such file or directory"),
        (b"DATA 00 11\n", "keys.log:1: found label 'DATA'"),
        (b"\xff\xfe", "keys.log: found bytes that are no text; expected a key log"),
    ],
)
def test_a_key_log_that_cannot_be_read(
    files: tuple[Path, Path], content: bytes | None, said: str
) -> None:
    recording, keylog = files
    keylog.unlink() if content is None else keylog.write_bytes(content)
    failed = run("show", recording, "--keylog", keylog)
    assert failed.exit_code == 2
    assert said in failed.stderr.replace("\n", "")
    assert not failed.stdout


def test_a_difference_takes_none(files: tuple[Path, Path]) -> None:
    recording, keylog = files
    failed = run("show", recording, recording, "--diff", "--keylog", keylog)
    assert failed.exit_code == 2
    assert "it is not for --diff" in failed.stderr
