"""`serve --record`, `show` and `show --diff` as a user runs them."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interop.serving import COMMAND, serving
from typer.testing import CliRunner, Result

from emulator.cli.main import app


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def attest(port: int, *options: str) -> None:
    done = subprocess.run(
        [COMMAND, "attest", f"127.0.0.1:{port}", *options], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings: 1.2 and 1.3, with and without measurements, in both formats."""
    folder = tmp_path_factory.mktemp("recordings")
    flows = {
        "first.pcapng": ("--version", "1.2"),
        "second.pcapng": ("--version", "1.3"),
        "short.pcap": ("--version", "1.2", "--measurements", "none"),
    }
    for name, options in flows.items():
        with serving("nvme-ssd", options=["--record", str(folder / name)]) as (port,):
            attest(port, *options)
    with serving(
        "nvme-ssd",
        "linux-cma",
        options=["--record", str(folder / "two"), "--record-format", "pcapng"],
    ) as ports:
        for port in ports:
            attest(port)
        attest(ports[0])
    return folder


def test_show_draws_every_conversation(files: Path) -> None:
    result = run("show", files / "two")
    assert result.exit_code == 0, result.output
    titles = [line for line in result.stdout.splitlines() if line.startswith(("nvme", "linux"))]
    assert titles == [
        "nvme-ssd connection 1",
        "linux-cma connection 1",
        "nvme-ssd connection 2",
    ]
    assert result.stdout.count("-> CHALLENGE ") == 3
    assert "   # connection 2 opened\n-> GET_VERSION" in result.stdout
    assert "# connection 2 closed: the peer shut the connection down" in result.stdout
    assert "cert_chain_hash" not in result.stdout


def test_show_fields_and_choose(files: Path) -> None:
    result = run("show", files / "two", "--device", "nvme-ssd", "--connection", "2", "-v")
    assert result.exit_code == 0
    assert result.stdout.startswith("nvme-ssd connection 2\n")
    assert result.stdout.count("-> GET_VERSION") == 1
    assert "cert_chain_hash" in result.stdout


def test_show_json(files: Path) -> None:
    found = json.loads(run("show", files / "short.pcap", "--json").stdout)
    assert (found["file"], found["format"]) == (str(files / "short.pcap"), "pcap")
    (conversation,) = found["conversations"]
    assert (conversation["device"], conversation["connection"]) == ("", 0)
    packets = conversation["packets"]
    assert [one["direction"] for one in packets] == ["request", "reply"] * 6
    assert packets[-1]["name"] == "CHALLENGE_AUTH"
    signature = {one["name"]: one["value"] for one in packets[-1]["fields"]}["signature"]
    assert len(signature) == 2 * 96
    assert packets[0]["time"] < packets[-1]["time"]
    assert [one["offset"] for one in packets[:2]] == [24, 24 + 16 + 12]


def test_diff(files: Path) -> None:
    first, second, short = (
        files / name for name in ("first.pcapng", "second.pcapng", "short.pcap")
    )
    alike = run("show", "--diff", first, first)
    assert (alike.exit_code, alike.stdout.splitlines()[-1]) == (0, "the same in all 16 messages")
    result = run("show", "--diff", first, second)
    assert result.exit_code == 1
    assert "version: 1.2 (0x12)" in result.stdout
    found = json.loads(run("show", "--diff", first, short, "--json").stdout)
    assert found["same"] is False
    assert found["left"] == {"file": str(first), "device": "nvme-ssd", "connection": 1}
    assert found["right"] == {"file": str(short), "device": "", "connection": 0}
    lonely = [row["name"] for row in found["rows"] if not row["right"]]
    assert lonely == ["GET_MEASUREMENTS", "MEASUREMENTS"] * 2
    # Without measurements to summarise, a client asks for no summary, nor is one answered.
    assert all(row["left"] for row in found["rows"])


def test_diff_says_which_conversation_it_takes(files: Path) -> None:
    result = run("show", "--diff", files / "two", files / "second.pcapng")
    assert result.exit_code == 0
    assert "nvme-ssd connection 1 is taken" in " ".join(result.stderr.split())
    chosen = run("show", "--diff", files / "two", files / "two", "--device", "linux-cma")
    assert chosen.exit_code == 0
    assert chosen.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "first.pcapng", "second.pcapng"], "2 files where 1 are needed"),
        (["show", "--diff", "first.pcapng"], "1 files where 2 are needed"),
        (["show", "none"], "none: No such file or directory"),
        (["show", "text"], "text: byte 0: 74 65 78 74 where a pcapng or pcap file begins"),
        (["show", "two", "--connection", "9"], "no such conversation; it has nvme-ssd connection"),
        (["show", "--diff", "empty.pcap", "two"], "empty.pcap: it has no request"),
        (["show", "--diff", "cut.pcapng", "two"], "cut.pcapng: byte "),
    ],
)
def test_wrong_use(
    files: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(files)
    whole = Path("short.pcap").read_bytes()
    Path("text").write_text("text", encoding="utf-8")
    Path("empty.pcap").write_bytes(whole[:24])
    Path("cut.pcapng").write_bytes(Path("first.pcapng").read_bytes()[:-5])
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_file_that_is_cut_off_is_shown_as_far_as_it_goes(files: Path) -> None:
    cut = files / "short-cut.pcap"
    cut.write_bytes((files / "short.pcap").read_bytes()[:-5])
    result = run("show", cut)
    assert result.exit_code == 2
    assert "-> CHALLENGE " in result.stdout
    assert "short-cut.pcap: byte " in "".join(result.stderr.split("\n"))
    assert "is cut off after" in " ".join(result.stderr.split())


@pytest.mark.parametrize("name", ["first.pcapng", "short.pcap"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_files_end_with_an_exit_code(files: Path, name: str, data: st.DataObject) -> None:
    damaged = bytearray((files / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    target = files / f"damaged-{name}"
    target.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))] or damaged)
    for result in (
        run("show", target, "-v"),
        run("show", target, "--json"),
        run("show", "--diff", target, files / "second.pcapng"),
    ):
        assert result.exit_code in (0, 1, 2), result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_recording_that_cannot_be_opened(tmp_path: Path) -> None:
    result = run("serve", "--port", "0", "--record", tmp_path / "none" / "file")
    assert result.exit_code == 2
    assert "No such file or directory" in " ".join(result.stderr.split())
