"""The requester attests our device through the DOE mailbox of a real QEMU; there is no guest."""

import os
import signal
from datetime import UTC, datetime

import pytest
from interop.qemu_support import ServedDevice, qemu_with, qemu_with_functions
from interop.serving import EVERY_VERSION, serving

from emulator.client import Client
from emulator.device import PciIdentity
from emulator.entropy import Seeded
from emulator.pki.authority import sample_roots
from emulator.profile import load
from emulator.qemu import NVME_IDENTITY, QemuMailbox
from emulator.requester import Offer, Requester, Verdict
from emulator.requester.reading import MeasurementMode
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.qemu

STARTS = 20
NVME_MEASUREMENTS = 6


async def attest(
    mailbox: QemuMailbox,
    *,
    offer: Offer | None = None,
    identity: PciIdentity = NVME_IDENTITY,
    measurements: MeasurementMode = "all",
    codes: list[int] | None = None,
) -> Verdict:
    """The verdict; `codes` gets those of all messages."""
    seen = [] if codes is None else codes
    requester = Requester(Seeded("qemu attest"), offer or Offer())
    client = Client(requester, mailbox, observer=lambda _, raw: seen.append(raw[1]))
    return await client.attest(
        trust=sample_roots(),
        at=datetime.now(UTC),
        expected_san=identity.san,
        measurements=measurements,
    )


def found(verdict: Verdict) -> dict[str, str]:
    return {step.name: step.detail for step in verdict.steps}


@pytest.mark.parametrize("version", [*BY_TEXT])
@pytest.mark.parametrize("asym", ["ECDSA_P256", "ECDSA_P384"])
@pytest.mark.parametrize("measurements", ["all", "one-by-one"])
async def test_chain_challenge_and_all_measurements(
    version: str, asym: str, measurements: MeasurementMode
) -> None:
    offer = Offer(versions=(BY_TEXT[version],), asym=(asym,))
    with serving("nvme-ssd", options=EVERY_VERSION) as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            verdict = await attest(await qemu.mailbox(), offer=offer, measurements=measurements)
    assert verdict.ok, found(verdict)
    steps = found(verdict)
    assert steps["version"].startswith(version)
    assert asym in steps["algorithms"]
    assert NVME_IDENTITY.san in steps["chain: leaf name"]
    assert steps["measurements"].startswith(f"{NVME_MEASUREMENTS} of {NVME_MEASUREMENTS}")
    for step in ("challenge signature", "measurement signature"):
        assert step in steps


async def test_the_certificate_names_the_function_that_qemu_shows() -> None:
    """What Linux compares: the name in the leaf and the registers in configuration space."""
    with serving("linux-cma") as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            identity = await (await qemu.function()).identity()
            verdict = await attest(await qemu.mailbox(), identity=identity, measurements="none")
    assert verdict.ok, found(verdict)


async def test_a_chain_in_small_portions() -> None:
    with serving("nvme-ssd", options=["--set", "sizes.certificate_portion=16"]) as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            verdict = await attest(await qemu.mailbox())
    assert verdict.ok, found(verdict)


async def test_two_devices_in_one_qemu_from_one_process() -> None:
    with serving("nvme-ssd", "linux-cma") as ports:
        async with qemu_with(*map(ServedDevice, ports)) as qemu:
            first = await attest(await qemu.mailbox(0))
            second = await attest(await qemu.mailbox(1), measurements="none")
    assert first.ok, found(first)
    assert second.ok, found(second)
    assert "measurement signature" in found(first)


async def test_each_function_of_a_device_attests_through_a_mailbox_of_its_own() -> None:
    whole = load("sr-iov", at=datetime.now(UTC))
    identities = [whole.identity, *(one.identity for one in whole.functions.values())]
    with serving("sr-iov", count=len(identities)) as ports:
        async with qemu_with_functions(*map(ServedDevice, ports)) as qemu:
            verdicts = [
                await attest(await qemu.mailbox(number), identity=identity)
                for number, identity in enumerate(identities)
            ]
            names = [(await qemu.function(number)).name for number in range(len(identities))]
            wrong = await attest(await qemu.mailbox(1), identity=identities[2])
    assert [verdict.ok for verdict in verdicts] == [True] * 3, [*map(found, verdicts)]
    assert names == ["00:04.0", "00:04.1", "00:04.2"]
    sans = [found(verdict)["chain: leaf name"] for verdict in verdicts]
    assert all(one.san in said for one, said in zip(identities, sans, strict=True))
    assert not wrong.ok


async def test_one_process_outlives_twenty_qemus_that_are_killed() -> None:
    with serving("nvme-ssd") as (port,):
        for number in range(STARTS):
            async with qemu_with(ServedDevice(port)) as qemu:
                verdict = await attest(await qemu.mailbox())
                assert verdict.ok, found(verdict)
                if number % 2:
                    os.kill(qemu.pid, signal.SIGKILL)


async def test_a_p521_chain_in_portions_that_divide_nothing_evenly() -> None:
    offer = Offer(asym=("ECDSA_P521",), hashes=("SHA_512",))
    options = ("--set", "sizes.certificate_portion=331")
    seen: list[int] = []
    with serving("everything", options=options) as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            verdict = await attest(await qemu.mailbox(), offer=offer, codes=seen)
    assert verdict.ok, found(verdict)
    steps = found(verdict)
    assert "ECDSA_P521" in steps["algorithms"]
    assert "SHA_512" in steps["algorithms"]
    assert seen.count(Code.GET_CERTIFICATE) > 3


def manifest(size: int) -> tuple[str, ...]:
    """Options that add a raw measurement of `size` bytes."""
    value = bytes(range(256)).hex() * (size // 256) + bytes(size % 256).hex()
    return (
        *("--set", f"measurements[6]={{index: 7, type: measurement-manifest, hex: {value}}}"),
        *("--set", "measurements[6].report=raw"),
    )


def largest_read(verdict: Verdict) -> int:
    """The size of the largest measurement that was read."""
    (read,) = (step for step in verdict.steps if step.name == "measurements")
    return max(len(one["value"]) // 2 for one in read.evidence["measurements"])


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
async def test_a_reply_larger_than_the_mailbox_comes_in_chunks(version: str) -> None:
    """The record has some 10,000 bytes; QEMU takes 4,608 at once."""
    offer = Offer(versions=(BY_TEXT[version],), capabilities=Cap.CHUNK, max_message=65536)
    with serving("everything", options=manifest(10240)) as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            verdict = await attest(await qemu.mailbox(), offer=offer)
    assert verdict.ok, found(verdict)
    assert largest_read(verdict) == 10240


@pytest.mark.parametrize("takes", [42, 4600, 65536])
@pytest.mark.parametrize("size", [3900, 4600, 30000])
async def test_a_requester_that_takes_more_than_qemu_gets_no_more_than_qemu_takes(
    takes: int, size: int
) -> None:
    offer = Offer(capabilities=Cap.CHUNK, data_transfer_size=takes, max_message=65536)
    with serving("everything", options=manifest(size)) as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            verdict = await attest(await qemu.mailbox(), offer=offer)
    assert verdict.ok, found(verdict)
    assert largest_read(verdict) == size
