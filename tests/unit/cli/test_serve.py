import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from interop.serving import COMMAND, serving

from emulator.transport.spdm_socket import CLIENT_HELLO, SERVER_HELLO, Command, Frame, FrameReader


def hello(port: int) -> bytes:
    """The payload that answers the TEST greeting."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        peer.sendall(Frame(Command.TEST, 2, CLIENT_HELLO).to_bytes())
        (frame,) = FrameReader().feed(peer.recv(4096))
    return frame.payload


def serve(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_ports(count: int) -> int:
    """The first of some ports in a row that were free a moment ago."""
    for first in range(42000, 60000, 17):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_says_where_it_listens_and_ends_when_told_to(number: signal.Signals) -> None:
    process = serve("--port", "0", "--seed", "x")
    try:
        line = process.stdout.readline() if process.stdout else ""
        found = re.fullmatch(
            r"nvme-ssd listening on 127\.0\.0\.1:(\d+) \(SPDM 1\.2, 1\.3\)\n", line
        )
        assert found, line
        assert hello(int(found[1])) == SERVER_HELLO
    finally:
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == "seed x (repeat with --seed)\n"


def test_several_profiles_count_their_ports_up() -> None:
    first = free_ports(3)
    process = serve("nvme-ssd", "linux-cma", "nvme-ssd", "--port", str(first), "--json")
    try:
        lines = [json.loads(process.stdout.readline()) for _ in range(3) if process.stdout]
        assert [line["port"] for line in lines] == [first, first + 1, first + 2]
        assert [line["device"] for line in lines] == ["nvme-ssd", "linux-cma", "nvme-ssd-2"]
        assert {line["event"] for line in lines} == {"listening"}
        assert lines[0]["san"].startswith("Vendor=1b36:Device=0010")
        assert all(hello(line["port"]) == SERVER_HELLO for line in lines)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_functions_of_a_device_count_their_ports_up_before_the_next_device() -> None:
    first = free_ports(4)
    process = serve("sr-iov", "nvme-ssd", "--port", str(first), "--json")
    try:
        lines = [json.loads(process.stdout.readline()) for _ in range(4) if process.stdout]
        assert [line["port"] for line in lines] == [*range(first, first + 4)]
        names = ["sr-iov", "sr-iov/vf1", "sr-iov/vf2", "nvme-ssd"]
        assert [line["device"] for line in lines] == names
        assert len({line["san"] for line in lines}) == 4
        assert all(hello(line["port"]) == SERVER_HELLO for line in lines)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_functions_have_sockets_beside_the_devices(tmp_path: Path) -> None:
    process = serve("sr-iov", "--unix", str(tmp_path / "s.sock"), "--json")
    try:
        lines = [json.loads(process.stdout.readline()) for _ in range(3) if process.stdout]
        paths = [str(tmp_path / name) for name in ("s.sock", "s-vf1.sock", "s-vf2.sock")]
        assert [line["host"] for line in lines] == [f"unix:{path}" for path in paths]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_each_function_may_say_its_own_port(tmp_path: Path) -> None:
    first = free_ports(5)
    profile = tmp_path / "p.yaml"
    profile.write_text(
        f"profile: 1\nname: p\nextends: sr-iov\nlistener: {{port: {first}}}\n"
        f"functions: {{vf1: {{listener: {{port: {first + 4}}}}}}}\n"
    )
    process = serve(str(profile), "--json")
    try:
        lines = [json.loads(process.stdout.readline()) for _ in range(3) if process.stdout]
        assert [line["port"] for line in lines] == [first, first + 4, first + 2]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_device_with_functions_is_no_device_of_a_shared_fleet() -> None:
    process = serve("sr-iov", "--port", "0", "--mqtt", "mqtt://127.0.0.1:1", "--mqtt-share")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "expected devices of one function in a shared fleet" in errors


def test_a_port_that_is_taken_is_named() -> None:
    with serving("nvme-ssd") as (port,):
        process = serve("--port", str(port))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"nvme-ssd: cannot listen on 127.0.0.1:{port}" in errors
    assert "--port" in errors


def test_ports_that_run_out_are_told() -> None:
    process = serve("nvme-ssd", "linux-cma", "--port", "65535")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "do not fit" in errors


def test_a_profile_with_problems_is_refused_with_all_of_them(tmp_path: Path) -> None:
    profile = tmp_path / "bad.yaml"
    profile.write_text(
        "profile: 1\nname: bad\nextends: nvme-ssd\nversions: [1.2]\ncapabilities: [CERT, CHALL]\n",
        encoding="utf-8",
    )
    process = serve(str(profile), "--port", "0")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "bad.yaml:4:" in errors
    assert "bad.yaml:5:" in errors


def test_log_levels_show_refusals_and_every_message() -> None:
    process = subprocess.Popen(
        [COMMAND, "--log-level", "debug", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = json.loads(process.stdout.readline() if process.stdout else "")["port"]
        done = subprocess.run([COMMAND, "attest", f"127.0.0.1:{port}", "--json"], check=True,
                              capture_output=True, text=True)  # fmt: skip
        assert json.loads(done.stdout)["ok"] is True
        with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
            wrong = bytes.fromhex("0100010003000000 20840000")
            peer.sendall(Frame(Command.NORMAL, 2, wrong).to_bytes())
            assert peer.recv(4096)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    told = " ".join(errors.split())
    assert "nvme-ssd connection 1: < GET_VERSION, 4 bytes" in told
    assert "nvme-ssd connection 1: 4 cert_chain_hash" in told
    assert "nvme-ssd connection 2: > ERROR VERSION_MISMATCH" in told


def unix_serve(folder: Path, *arguments: str) -> tuple[str, subprocess.CompletedProcess[str]]:
    """The line that tells where a device listens, and how attesting it there went."""
    process = serve(*arguments)
    try:
        line = process.stdout.readline() if process.stdout else ""
        target = f"unix:{folder / 'device.sock'}"
        done = subprocess.run(
            [COMMAND, "attest", target, "--json"], check=False, capture_output=True, text=True
        )
    finally:
        process.terminate()
        process.communicate(timeout=60)
    return line, done


@pytest.mark.parametrize("by", ["option", "profile"])
def test_a_unix_socket_is_listened_on_instead(tmp_path: Path, by: str) -> None:
    path = tmp_path / "device.sock"
    options = ["--unix", str(path)] if by == "option" else ["--set", f"listener.path={path}"]
    line, done = unix_serve(tmp_path, *options)
    assert line.startswith(f"nvme-ssd listening on unix:{path} (SPDM ")
    assert done.returncode == 0, done.stderr
    assert not path.exists()


def test_a_port_of_the_command_line_goes_before_the_profiles_path(tmp_path: Path) -> None:
    with serving("nvme-ssd", options=["--set", f"listener.path={tmp_path / 'x'}"]) as (port,):
        assert hello(port) == SERVER_HELLO
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("also", [["--port", "1"], ["--host", "h"], ["nvme-ssd", "linux-cma"]])
def test_a_unix_socket_goes_with_no_other_address(also: list[str]) -> None:
    process = serve("--unix", "x", *also)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--unix takes one profile and neither --host nor --port" in errors


def test_a_requester_is_called() -> None:
    with socket.create_server(("127.0.0.1", 0)) as requester:
        target = f"127.0.0.1:{requester.getsockname()[1]}"
        process = serve("--role-inquiry", target, "--json")
        peer, _ = requester.accept()
        with peer:
            assert peer.recv(4) == bytes.fromhex("000001bf")
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(told)["event"] == "connected"
    assert "{host}:{port}".format(**json.loads(told)) == target


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["h:1", "--port", "1"], "--role-inquiry takes one profile and no other address"),
        (["h:1", "sr-iov"], "no other address, no further functions"),
        (["h:1", "nvme-ssd", "linux-cma"], "--role-inquiry takes one profile"),
        (["nowhere"], "'nowhere' where HOST:PORT is needed"),
    ],
)
def test_a_call_needs_one_device_and_one_address(arguments: list[str], reason: str) -> None:
    process = serve("--role-inquiry", *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert reason in errors


def test_says_where_a_devices_link_is() -> None:
    sets = ("--set", "ide.socket.host=127.0.0.1")
    process = serve("everything", "--port", "0", *sets)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("everything listening on 127.0.0.1:")
        line = process.stdout.readline()
        found = re.fullmatch(r"everything has its link on 127\.0\.0\.1:(\d+)\n", line)
        assert found, line
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=5):
            pass
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0
