"""A device is changed over the control socket while a real QEMU is attached to it.

QEMU connects once: everything here happens on that one connection, and holds from the very next
exchange on.
"""

import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from interop.qemu_support import GET_VERSION, ServedDevice, qemu_with
from interop.serving import COMMAND, serving
from interop.test_qemu_attest import attest, found

from emulator.control.client import ControlClient
from emulator.qemu import MailboxTimeout, QemuMailbox
from emulator.requester import Verdict
from emulator.spdm.codes import Code, ErrorCode
from emulator.transport import doe

pytestmark = pytest.mark.qemu

GET_CAPABILITIES = doe.spdm_object(bytes.fromhex("12e10000 00000000 00000000 00120000 00120000"))
BUSY = {"name": "busy", "do": ["busy"]}


@dataclass
class Attached:
    """A QEMU that is attached, and the control of what it is attached to."""

    mailbox: QemuMailbox
    control: ControlClient

    async def ask(self, request: bytes = GET_VERSION) -> bytes:
        """The SPDM reply to a request through the mailbox."""
        return doe.parse(await self.mailbox.exchange(request)).payload

    async def code(self, request: bytes = GET_VERSION) -> Code:
        return Code((await self.ask(request))[1])

    @property
    def connections(self) -> list[int]:
        """The numbers of the connections that are open."""
        listed: dict[str, list[dict[str, Any]]] = self.control.call("connections.list")
        return [one["connection"] for open_ones in listed.values() for one in open_ones]


@asynccontextmanager
async def attached(folder: Path, *, response_time: float = 5.0) -> AsyncIterator[Attached]:
    """QEMU with a device of a process that is controlled; its connection is the only one."""
    socket = folder / "control.sock"
    with serving("nvme-ssd", options=["--control", str(socket)]) as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            mailbox = await qemu.mailbox(response_time=response_time)
            with ControlClient(str(socket)) as control:
                yield Attached(mailbox, control)


async def test_a_fault_is_seen_by_the_very_next_exchange_until_it_is_cleared(
    tmp_path: Path,
) -> None:
    async with attached(tmp_path) as at:
        assert await at.code() == Code.VERSION
        for _ in range(3):
            at.control.call("faults.add", rules=[BUSY])
            assert (await at.ask())[1:3] == bytes((Code.ERROR, ErrorCode.BUSY))
            (armed,) = at.control.call("faults.list")["nvme-ssd"]
            assert (armed["name"], armed["fired"]) == ("busy", 1)
            at.control.call("faults.clear")
            assert await at.code() == Code.VERSION
        assert at.connections == [1]


async def test_a_preset_makes_an_attestation_fail_and_the_next_one_pass(tmp_path: Path) -> None:
    async with attached(tmp_path) as at:
        assert (await attest(at.mailbox)).ok
        at.control.call("faults.add", presets=["signature-flipped"])
        verdict = await attest(at.mailbox)
        assert not verdict.ok
        assert [step.name for step in verdict.steps if step.ok is False] == ["challenge signature"]
        at.control.call("faults.clear", names=["signature-flipped"])
        verdict = await attest(at.mailbox)
        assert verdict.ok, found(verdict)
        assert at.connections == [1]


def measured(verdict: Verdict, index: int) -> bytes:
    """The value of a measurement that was read."""
    (read,) = (step for step in verdict.steps if step.name == "measurements")
    (one,) = (one for one in read.evidence["measurements"] if one["index"] == index)
    return bytes.fromhex(one["value"])


async def test_a_measurement_that_changes_is_read_through_the_mailbox(tmp_path: Path) -> None:
    async with attached(tmp_path) as at:
        assert measured(await attest(at.mailbox), 5) == b"4.2.0"
        at.control.call("measurement.change", index=5, text="4.3.0")
        verdict = await attest(at.mailbox)
        assert verdict.ok, found(verdict)
        assert measured(verdict, 5) == b"4.3.0"
        at.control.call("measurement.change", index=5, text="4.4.0", when="reset")
        assert measured(await attest(at.mailbox), 5) == b"4.3.0"
        at.control.call("device.reset")
        assert measured(await attest(at.mailbox), 5) == b"4.4.0"
        assert at.connections == [1]


async def test_slots_that_change_places_are_seen_by_the_next_digests(tmp_path: Path) -> None:
    async with attached(tmp_path) as at:
        assert found(await attest(at.mailbox))["digests"] == "provisioned: slot 0"
        at.control.call("slot.swap")
        verdict = await attest(at.mailbox)
        assert verdict.ok, found(verdict)
        assert found(verdict)["digests"] == "provisioned: slot 1"
        assert found(verdict)["certificate chain"].startswith("slot 1")


async def test_another_profile_holds_for_the_open_connection_by_a_reset(tmp_path: Path) -> None:
    async with attached(tmp_path) as at:
        assert found(await attest(at.mailbox))["version"].startswith("1.3")
        at.control.call("profile.set", set=['versions=["1.2"]'], holds="reset")
        assert found(await attest(at.mailbox))["version"].startswith("1.2")
        assert at.connections == [1]


async def test_after_a_reset_the_guest_is_told_to_begin_anew(tmp_path: Path) -> None:
    async with attached(tmp_path) as at:
        assert await at.code() == Code.VERSION
        at.control.call("device.reset", resynch=True)
        for _ in range(2):
            reply = await at.ask(GET_CAPABILITIES)
            assert reply[1:3] == bytes((Code.ERROR, ErrorCode.REQUEST_RESYNCH))
        assert await at.code() == Code.VERSION
        assert await at.code(GET_CAPABILITIES) == Code.CAPABILITIES
        at.control.call("device.reset")
        reply = await at.ask(GET_CAPABILITIES)
        assert reply[1:3] == bytes((Code.ERROR, ErrorCode.UNEXPECTED_REQUEST))


async def test_a_recording_of_what_is_under_way_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "lab.pcapng"
    async with attached(tmp_path) as at:
        assert await at.code() == Code.VERSION
        at.control.call("recording.start", file=str(file))
        at.control.call("faults.add", rules=[BUSY])
        await at.ask()
        at.control.call("faults.clear")
        assert await at.code(GET_CAPABILITIES) == Code.CAPABILITIES
        assert at.control.call("recording.stop")["packets"] >= 4
        await at.ask()
    text = shown(file)
    told = re.findall(r"(?:->|<-) (\w+)", text)
    assert told == ["GET_VERSION", "ERROR", "GET_CAPABILITIES", "CAPABILITIES"], text
    assert "fault busy" in text


def shown(file: Path) -> str:
    """What `show` makes of a recording."""
    command = [str(COMMAND), "show", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def test_every_step_is_told_as_it_happens(tmp_path: Path) -> None:
    async with attached(tmp_path) as at:
        with ControlClient(str(tmp_path / "control.sock")) as watcher:
            heard = watcher.events(kinds=["step", "fault.fired"])
            at.control.call("faults.add", rules=[BUSY])
            await at.ask()
            fired, step = next(heard), next(heard)
        assert (fired["event"], fired["rule"], fired["connection"]) == ("fault.fired", "busy", 1)
        assert (step["request"], step["reply"], step["error"]) == ("GET_VERSION", "ERROR", "BUSY")


async def test_a_dropped_connection_is_one_that_qemu_never_opens_again(tmp_path: Path) -> None:
    async with attached(tmp_path, response_time=0.2) as at:
        assert await at.code() == Code.VERSION
        assert at.control.call("connections.drop") == {"nvme-ssd": 1}
        for _ in range(2):
            with pytest.raises(MailboxTimeout):
                await at.mailbox.exchange(GET_VERSION)
        # QEMU itself lives on, and the next one is attached as ever.
        assert (await at.mailbox.status()).idle
        assert at.connections == []
        port = int(at.control.call("devices.list")["nvme-ssd"]["address"].rpartition(":")[2])
        async with qemu_with(ServedDevice(port)) as other:
            reply = doe.parse(await (await other.mailbox()).exchange(GET_VERSION))
            assert reply.payload[1] == Code.VERSION
            assert at.connections == [2]
