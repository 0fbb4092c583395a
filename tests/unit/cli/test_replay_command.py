"""`replay` as a user runs it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from devices import GET_VERSION, data_object
from interop.serving import COMMAND, serving
from typer.testing import CliRunner, Result

from emulator.cli.main import app
from emulator.record import ENCODERS, LinkType, Packet


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def attest(port: int) -> int:
    """The exit code of an attestation whose nonces are always the same."""
    command: list[str | Path] = [COMMAND, "attest", f"127.0.0.1:{port}", "--seed", "requester"]
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("replay") / "flow.pcapng"
    with serving("nvme-ssd", options=["--record", str(file)]) as (port,):
        assert attest(port) == 0
    return file


def test_to_the_same_device_and_to_another(recording: Path) -> None:
    with serving("nvme-ssd", "linux-cma") as (same, other):
        alike = run("replay", recording, "--to", f"127.0.0.1:{same}")
        assert alike.exit_code == 0, alike.output
        assert alike.stdout.endswith("\n8 of 8 replies are as recorded\n")
        result = run("replay", recording, "--to", f"127.0.0.1:{other}")
        assert result.exit_code == 1
        assert "# measurement_hash: recorded SHA_384 (0x4), now none (0x0)" in result.stdout
        found = json.loads(run("replay", recording, "--to", f"127.0.0.1:{other}", "--json").stdout)
    assert found["same"] is False
    assert found["device"] == "nvme-ssd"
    assert [row["name"] for row in found["rows"]][:3] == ["VERSION", "CAPABILITIES", "ALGORITHMS"]


@pytest.mark.parametrize("as_json", [False, True])
def test_to_a_requester(recording: Path, *, as_json: bool) -> None:
    process = subprocess.Popen(
        [COMMAND, "replay", recording, "--listen", "127.0.0.1:0", *(["--json"] * as_json)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stderr.readline() if process.stderr else ""
    found = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
    assert found, line
    assert attest(int(found[1])) == 0
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    if as_json:
        assert json.loads(output)["same"] is True
    else:
        assert output.endswith("\n8 of 8 requests are as recorded\n")
        assert "<- CHALLENGE_AUTH" in output


def test_a_requester_that_asks_something_else(recording: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "replay", recording, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stderr.readline() if process.stderr else ""
    target = line.split()[-1]
    command: list[str | Path] = [COMMAND, "attest", target, "--version", "1.2"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "# version: recorded 1.3 (0x13), now 1.2 (0x12)" in output
    assert "is recorded and did not come" in output


def test_wrong_use(recording: Path, tmp_path: Path) -> None:
    secured = tmp_path / "secured.pcapng"
    encoder = ENCODERS["pcapng"]()
    objects = [data_object(GET_VERSION), data_object(b"?", kind=2)]
    packets = [encoder.encode(Packet(0, LinkType.PCI_DOE, data)) for data in objects]
    whole = encoder.start() + b"".join(packets)
    secured.write_bytes(whole)
    place = len(whole) - len(packets[-1])
    with serving("nvme-ssd") as (port,):
        taken = f"127.0.0.1:{port}"
        for arguments, code, message in (
            ([recording], 2, "either --to or --listen"),
            ([recording, "--to", taken, "--listen", taken], 2, "either --to or --listen"),
            ([recording, "--to", "nowhere"], 2, "'nowhere' where HOST:PORT is needed"),
            ([recording, "--listen", taken], 2, f"cannot listen on {taken}"),
            ([secured, "--to", taken], 2, f"secured.pcapng: byte {place}: a secured message"),
            ([recording, "--to", "127.0.0.1:1"], 1, "cannot connect to 127.0.0.1:1"),
        ):
            result = run("replay", *arguments)
            assert result.exit_code == code, arguments
            assert message in " ".join(result.stderr.split()), result.stderr
