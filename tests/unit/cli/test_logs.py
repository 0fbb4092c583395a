"""What is logged, as text and as JSON, by the real process."""

import json
import logging
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices import GET_VERSION, challenge, frame, spdm_frame
from interop.serving import COMMAND

from emulator.serve.logs import JsonFormatter

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@contextmanager
def logging_to(file: Path, *options: str) -> Iterator[int]:
    """A device that logs to a file; yields its port."""
    process = subprocess.Popen(
        [COMMAND, "--log-file", str(file), *options, "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield json.loads(process.stdout.readline() if process.stdout else "")["port"]
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def misbehave(port: int) -> None:
    """A request out of order, and a frame that nobody knows."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        peer.sendall(spdm_frame(challenge()))
        assert peer.recv(4096)
        peer.sendall(frame(command=0))
        assert peer.recv(4096)
        peer.sendall(frame(command=0xFFFE))
        while peer.recv(4096):
            pass


def test_json_has_the_facts_of_each_line(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with logging_to(file, "--log-format", "json", "--log-level", "info") as port:
        misbehave(port)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    told = [line for line in lines if "connection" in line]
    assert [line["event"] for line in told] == [
        "connection.up",
        "refused",
        "ignored",
        "connection.closed",
        "connection.down",
    ]
    for line in told:
        assert TIME.fullmatch(line["time"])
        assert line["logger"].startswith("emulator.serve")
        assert (line["device"], line["connection"]) == ("nvme-ssd", 1)
    up, refused, ignored, *_ = told
    assert up["peer"].startswith("127.0.0.1:")
    assert (refused["level"], refused["error"]) == ("warning", "UNEXPECTED_REQUEST")
    assert refused["reason"] == "CHALLENGE in state NOT_STARTED"
    assert refused["message"].startswith("nvme-ssd connection 1: > ERROR UNEXPECTED_REQUEST: CHALL")
    assert (ignored["level"], ignored["reason"]) == ("info", "command 0x0 on transport 2")


def test_text_is_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with logging_to(file) as port:
        misbehave(port)
    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert line.endswith(
        "WARNING nvme-ssd connection 1: > ERROR UNEXPECTED_REQUEST: CHALLENGE in state NOT_STARTED"
    )


def test_a_file_that_was_rotated_is_opened_anew(tmp_path: Path) -> None:
    file, old = tmp_path / "log", tmp_path / "log.1"
    with logging_to(file) as port:
        misbehave(port)
        file.rename(old)
        misbehave(port)
    assert "connection 1" in old.read_text(encoding="utf-8")
    assert "connection 2" in file.read_text(encoding="utf-8")
    assert "connection 2" not in old.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "--log-file", str(tmp_path / "no" / "log"), "profile", "list"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "--log-file" in done.stderr
    assert "No such file or directory" in done.stderr


def test_a_record_becomes_one_line_whatever_it_holds() -> None:
    record = logging.LogRecord("l", logging.ERROR, "f", 1, "a %s\nb", ("ü",), None)
    record.created = 0.25
    record.device = GET_VERSION
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.250000Z",
        "level": "error",
        "logger": "l",
        "message": "a ü\nb",
        "device": str(GET_VERSION),
    }


def test_an_exception_is_a_field() -> None:
    error = ValueError("on purpose")
    information = (type(error), error, None)
    record = logging.LogRecord("l", logging.ERROR, "f", 1, "failed", (), information)
    assert "on purpose" in json.loads(JsonFormatter().format(record))["exception"]
