import asyncio
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from interop.serving import COMMAND

from emulator.client import connect
from emulator.entropy import Seeded
from emulator.errors import ProfileError
from emulator.pki.authority import sample_roots
from emulator.pytest_plugin import SpdmDevice
from emulator.requester import Direction, Verdict

BAD_SIGNATURE = {
    "name": "bad-signature",
    "on": {"message": "CHALLENGE_AUTH"},
    "do": [{"xor": {"at": -1, "hex": "01"}}],
}


async def attested(host: str, port: int) -> Verdict:
    """The verdict of a requester in the test's own event loop."""
    async with connect(host, port, entropy=Seeded("x")) as client:
        return await client.attest(trust=sample_roots(), at=datetime.now(UTC))


async def test_further_functions_have_mailboxes_of_their_own(spdm_device: SpdmDevice) -> None:
    device = spdm_device("sr-iov")
    one, other = device.functions["vf1"], device.functions["vf2"]
    assert (await attested(one.host, one.port)).ok
    assert [it.asked("CHALLENGE") for it in (device, one, other)] == [False, True, False]
    assert [it.connections for it in (device, one, other)] == [0, 1, 0]
    assert "sr-iov/vf1 at" in device.story
    assert "sr-iov/vf2 at" not in device.story
    other.arm("busy-once")
    listed = device.call("faults.list", devices=["*"])
    assert [len(listed[it.name]) for it in (device, one, other)] == [0, 0, 1]
    assert [*one.call("device.get")] == ["sr-iov/vf1"]
    one.measure(3, "its own")
    one.measure(2, "shared")
    digests = [
        [made["digest"] for made in it.call("device.get")[it.name]["measurements"]]
        for it in (device, other)
    ]
    assert digests[0][1] == digests[1][1]
    assert digests[0][2] != digests[1][2]
    other.reset()
    resets = device.call("device.get", devices=["*"])
    assert {told["resets"] for told in resets.values()} == {1}
    assert (await attested(other.host, other.port)).ok
    assert other.retries == 1


async def test_a_requester_in_the_same_loop_sees_the_device(spdm_device: SpdmDevice) -> None:
    device = spdm_device()
    assert (await attested(device.host, device.port)).ok
    assert device.asked("CHALLENGE")
    assert not device.asked("KEY_EXCHANGE")
    assert device.reached("MEASUREMENTS")
    assert device.count("GET_CERTIFICATE") == device.count("CERTIFICATE") == 1
    assert (device.connections, device.fired, device.errors, device.retries) == (1, {}, {}, 0)
    first, second, *_ = device.conversation
    assert (first.name, first.code, first.direction) == ("GET_VERSION", 0x84, Direction.REQUEST)
    assert (second.name, second.direction, second.connection) == ("VERSION", Direction.REPLY, 1)
    challenge = device.wait("CHALLENGE")
    assert challenge.fields["nonce"] == challenge.raw[4:36]
    assert challenge.fields["slot"] == 0


def test_a_program_sees_the_faults(spdm_device: SpdmDevice) -> None:
    device = spdm_device(rules=[BAD_SIGNATURE], seed="s")
    done = subprocess.run([COMMAND, "attest", device.address], check=False, capture_output=True)
    assert done.returncode == 1
    assert device.fired == {"bad-signature": 1}
    reply = device.wait("CHALLENGE_AUTH")
    assert reply.remarks == ("fault bad-signature at signed: changed bits from byte 237 on",)
    assert device.text.splitlines()[0] == f"nvme-ssd at {device.address}, seed s"
    assert device.text.endswith("fault bad-signature: 1 time")


def test_presets_files_profiles_and_settings(spdm_device: SpdmDevice, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("faults: 1\nrules: [{name: file, do: [busy]}]", encoding="utf-8")
    device = spdm_device("gpu", faults=["busy-once", rules], set=["name=mine"])
    assert device.fired == {"busy-once": 0, "file": 0}
    assert repr(device) == "<device mine: nothing was asked>"


async def test_several_devices_at_once(spdm_device: SpdmDevice) -> None:
    devices = [spdm_device(), spdm_device("linux-cma")]
    verdicts = await asyncio.gather(*(attested(one.host, one.port) for one in devices))
    assert all(verdict.ok for verdict in verdicts)
    assert [one.connections for one in devices] == [1, 1]


async def test_errors_and_retries_are_counted(spdm_device: SpdmDevice) -> None:
    device = spdm_device(faults=["busy-once"])
    assert (await attested(device.host, device.port)).ok
    assert (device.errors, device.retries) == ({"BUSY": 1}, 1)
    assert device.count("ERROR") == 1
    assert device.wait("CHALLENGE", count=2).raw == device.wait("CHALLENGE").raw


def test_waiting_ends_when_the_message_comes(spdm_device: SpdmDevice) -> None:
    device = spdm_device()
    with subprocess.Popen(
        [COMMAND, "attest", device.address], stdout=subprocess.DEVNULL
    ) as process:
        assert device.wait("MEASUREMENTS", timeout=30).name == "MEASUREMENTS"
    assert process.returncode == 0


def test_waiting_in_vain_tells_the_conversation(spdm_device: SpdmDevice) -> None:
    device = spdm_device(seed="s")
    with pytest.raises(AssertionError) as caught:
        device.wait("CHALLENGE", timeout=0.01)
    told = f"no CHALLENGE (number 1) in 0.01 s\nnvme-ssd at {device.address}, seed s"
    assert str(caught.value) == f"{told}\nnothing was asked"


@pytest.mark.parametrize(
    ("method", "name", "told"),
    [
        ("asked", "CHALENGE", "did you mean CHALLENGE?"),
        ("asked", "CHALLENGE_AUTH", "expected the name of a request"),
        ("reached", "CHALLENGE", "expected the name of a reply"),
        ("count", "x", 'found "x"'),
        ("wait", "x", 'found "x"'),
    ],
)
def test_a_name_that_is_none_is_told(
    spdm_device: SpdmDevice, method: str, name: str, told: str
) -> None:
    with pytest.raises(ValueError, match="found") as caught:
        getattr(spdm_device(), method)(name)
    assert told in str(caught.value)


def test_mistakes_in_rules_are_told(spdm_device: SpdmDevice) -> None:
    with pytest.raises(ProfileError) as caught:
        spdm_device(rules=[BAD_SIGNATURE, {"name": "x", "on": {"slot": 999}, "do": ["bussy"]}])
    assert 'given: rules[1].do[0]: found "bussy"' in str(caught.value)
    assert "given: rules[1].on.slot: found the number 999" in str(caught.value)
    with pytest.raises(ProfileError, match="a second time"):
        spdm_device(rules=[BAD_SIGNATURE, BAD_SIGNATURE])


def test_a_device_ends_with_its_test(tmp_path: Path) -> None:
    """In a pytest of its own: what fails is told with the conversation, and nothing listens on."""
    port = tmp_path / "port"
    (tmp_path / "test_it.py").write_text(
        f"""
import subprocess

def test_it(spdm_device):
    device = spdm_device()
    open({str(port)!r}, "w").write(str(device.port))
    subprocess.run([{str(COMMAND)!r}, "attest", device.address], check=True)
    assert device.asked("KEY_EXCHANGE")

def test_another(spdm_device):
    assert not spdm_device().asked("KEY_EXCHANGE")
""",
        encoding="utf-8",
    )
    done = plugin_run(tmp_path)
    assert "1 failed, 1 passed" in done.stdout
    told = done.stdout.partition("Captured spdm device call")[2]
    assert told.count("\n1: > GET_VERSION  which versions do you speak?\n") == 1
    assert "1: < CHALLENGE_AUTH  slot 0: signed, 96 bytes\n" in told
    with pytest.raises(ConnectionRefusedError), socket.socket() as peer:
        peer.connect(("127.0.0.1", int(port.read_text(encoding="utf-8"))))


def test_who_does_not_use_it_does_not_load_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import sys

def test_it():
    assert "emulator.pytest_plugin" in sys.modules
    ours = {name for name in sys.modules if name.partition(".")[0] == "emulator"}
    assert ours == {"emulator", "emulator.pytest_plugin"}
""",
        encoding="utf-8",
    )
    assert "1 passed" in plugin_run(tmp_path).stdout


def plugin_run(folder: Path) -> subprocess.CompletedProcess[str]:
    """A pytest of its own in `folder`, with this plugin and no other."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "spdm_emulator",
            "-p",
            "no:cacheprovider",
            ".",
        ],
        cwd=folder,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_pytest_finds_it_by_its_entry_point() -> None:
    (found,) = entry_points(group="pytest11", name="spdm_emulator")
    assert found.value == "emulator.pytest_plugin"


async def test_the_device_changes_under_an_open_connection(spdm_device: SpdmDevice) -> None:
    """As a lab changes it under a kernel that never reconnects."""
    device = spdm_device()
    async with connect(device.host, device.port, entropy=Seeded("x")) as client:
        assert (await client.attest(trust=sample_roots(), at=datetime.now(UTC))).ok
        await asyncio.to_thread(device.arm, rules=[BAD_SIGNATURE])
        assert not (await client.attest(trust=sample_roots(), at=datetime.now(UTC))).ok
        await asyncio.to_thread(device.clear, "bad-signature")
        before = device.call("device.get")["nvme-ssd"]["measurements"]
        await asyncio.to_thread(device.measure, 1, "other")
        await asyncio.to_thread(device.reset)
        assert (await client.attest(trust=sample_roots(), at=datetime.now(UTC))).ok
        after = device.call("device.get")["nvme-ssd"]["measurements"]
        assert [one["index"] for one in before if one not in after] == [1]
    assert device.connections == 1
