"""Every attack against every protection, over real sockets: what is noticed, and where.

The host proves to itself whom it speaks to, by one of the protections, and then tells the device a
secret by a vendor-defined message and takes the answer. An attack has worked where the middle has
read the secret, or the host has taken its answer for the device's, and nothing was noticed.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from emulator.client import connect
from emulator.device import Device
from emulator.entropy import Entropy
from emulator.errors import PeerError
from emulator.mitm.middle import FORGED, Mode
from emulator.mitm.proxy import Proxy
from emulator.pki.authority import sample_roots
from emulator.requester import DEFAULT, for_sessions
from emulator.requester.reading import MeasurementMode
from emulator.serve import Listener
from emulator.spdm.standards import REGISTRIES
from emulator.vendor import Registry, VendorExchange

HERE = "127.0.0.1"
SECRET = b"a secret of the host's"
ANSWER = b"the device has it: "
STANDARD = REGISTRIES["PCISIG"].number
VENDOR = bytes((0x36, 0x1B))  # any vendor's will do
"""Whose messages the secret travels in."""


class Protection(StrEnum):
    """What the host relies on."""

    CHALLENGE = "certificates and a signed challenge"
    MEASUREMENTS = "signed measurements besides"
    SESSION = "a session"


class Locker:
    """The vendor's protocol: the device takes a secret, and says so."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes:
        """Take the payload."""
        del exchange
        return ANSWER + payload


@dataclass(frozen=True)
class Attempt:
    """One attack against one protection.

    Attributes:
        mode: what the middle did.
        protection: what the host relied on.
        noticed: what the host noticed; empty: nothing.
        read: the middle has read the secret.
        forged: the host took the middle's answer for the device's.
    """

    mode: Mode
    protection: Protection
    noticed: str
    read: bool
    forged: bool

    @property
    def worked(self) -> bool:
        """Whether the middle got what it wanted, and nobody noticed."""
        return (self.read or self.forged) and not self.noticed


async def experiment(device: Device, entropy: Entropy, at: datetime) -> list[Attempt]:
    """All attacks against all protections, on a device that has sessions."""
    vendors = Registry()
    vendors.add(STANDARD, VENDOR, Locker())
    listener = Listener(device, vendors=vendors)
    where = await listener.start(HERE, 0)
    try:
        return [
            await attempt(where, mode, protection, entropy.fork(f"{mode} {protection}"), at)
            for mode in Mode
            for protection in Protection
        ]
    finally:
        await listener.stop()


async def attempt(
    device: tuple[str, int], mode: Mode, protection: Protection, entropy: Entropy, at: datetime
) -> Attempt:
    """One attack against one protection."""
    proxy = Proxy(device, mode, entropy.fork("middle"))
    host, port = await proxy.start(HERE, 0)
    noticed, answer = "", b""
    try:
        answer = await _tell(host, port, protection, entropy.fork("host"), at)
    except PeerError as error:
        noticed = f"{type(error).__name__}: {error}"
    finally:
        await proxy.stop()
    read = any(SECRET in deed.data for deed in proxy.deeds if deed.what == "read")
    return Attempt(mode, protection, noticed, read, forged=answer == FORGED)


async def _tell(
    host: str, port: int, protection: Protection, entropy: Entropy, at: datetime
) -> bytes:
    """Do what the protection asks, tell the secret, and return what came back.

    Raises PeerError where something is wrong with the device, or who stands before it.
    """
    offer = for_sessions(DEFAULT) if protection is Protection.SESSION else DEFAULT
    async with connect(host, port, entropy=entropy, offer=offer) as client:
        measured: MeasurementMode = "none" if protection is Protection.CHALLENGE else "all"
        verdict = await client.attest(trust=sample_roots(), at=at, measurements=measured)
        for step in verdict.steps:
            if step.ok is False:
                raise PeerError(f"{step.name}: {step.detail}")
        if protection is not Protection.SESSION:
            return await client.vendor(STANDARD, VENDOR, SECRET)
        async with client.session() as session:
            return await session.vendor(STANDARD, VENDOR, SECRET)
