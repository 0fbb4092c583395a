"""Every attack against every protection, over real sockets: what is noticed, and where.

The host proves to itself whom it speaks to, by one of the protections, and then tells the device a
secret: by a vendor-defined message, whose answer it takes, or over the link, by writing it to the
device's memory and reading it again. An attack has worked where the middle has read the secret, or
the host has taken for the device's what is not, and nothing was noticed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from emulator.client import connect
from emulator.client.link import link
from emulator.device import Device
from emulator.entropy import Entropy
from emulator.errors import LinkError, PeerError
from emulator.link import End
from emulator.mitm.line import LineProxy
from emulator.mitm.middle import Mode
from emulator.mitm.proxy import Proxy
from emulator.pki.authority import sample_roots
from emulator.requester import DEFAULT, for_sessions, root_port
from emulator.requester.reading import MeasurementMode
from emulator.serve import Listener
from emulator.serve.link import LinkListener
from emulator.spdm.standards import REGISTRIES
from emulator.vendor import VendorExchange
from emulator.vendor.builtin import protocols_of

HERE = "127.0.0.1"
SECRET = b"a secret of the host's  "
ADDRESS = 0x100
"""Where in the device's memory the secret is kept."""

ANSWER = b"the device has it: "
STANDARD = REGISTRIES["PCISIG"].number
VENDOR = bytes((0x36, 0x1B))  # any vendor's will do
"""Whose messages the secret travels in."""


class Protection(StrEnum):
    """What the host relies on."""

    CHALLENGE = "certificates and a signed challenge"
    MEASUREMENTS = "signed measurements besides"
    SESSION = "a session"
    LINK = "a session, then the link as it is"
    IDE = "a session, IDE keys in it, then the link"


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
        forged: the host took something else for what the device has answered.
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


@dataclass(frozen=True)
class Place:
    """Where a device is reached.

    Attributes:
        device: its socket.
        link: its link's.
    """

    device: tuple[str, int]
    link: tuple[str, int]


async def experiment(plain: Device, keyed: Device, entropy: Entropy, at: datetime) -> list[Attempt]:
    """All attacks against all protections.

    Args:
        plain: a device that has sessions, and a link without IDE: its stream is not enabled.
        keyed: the same with an enabled stream 0 at port 0.
        entropy: where everything random is drawn.
        at: when certificates are judged.
    """
    async with served(plain) as as_it_is, served(keyed) as with_ide:
        return [
            await attempt(
                with_ide if protection is Protection.IDE else as_it_is,
                mode,
                protection,
                entropy.fork(f"{mode} {protection}"),
                at,
            )
            for mode in Mode
            for protection in Protection
        ]


@asynccontextmanager
async def served(device: Device) -> AsyncIterator[Place]:
    """Serve a device and its link, on ports of the system's choice."""
    vendors = protocols_of(device)
    vendors.add(STANDARD, VENDOR, Locker())
    listener, link = Listener(device, vendors=vendors), LinkListener(lambda: device.ide)
    try:
        yield Place(await listener.start(HERE, 0), await link.start(HERE, 0))
    finally:
        await listener.stop()
        await link.stop()


async def attempt(
    place: Place, mode: Mode, protection: Protection, entropy: Entropy, at: datetime
) -> Attempt:
    """One attack against one protection."""
    proxy = Proxy(place.device, mode, entropy.fork("middle"))
    line = LineProxy(place.link, mode, proxy.deeds.append)
    between = Place(await proxy.start(HERE, 0), await line.start(HERE, 0))
    noticed, answer = "", b""
    try:
        answer = await _tell(between, protection, entropy.fork("host"), at)
    except (PeerError, LinkError) as error:
        noticed = f"{type(error).__name__}: {error}"
    finally:
        await proxy.stop()
        await line.stop()
    read = any(SECRET in deed.data for deed in proxy.deeds if deed.what == "read")
    return Attempt(mode, protection, noticed, read, forged=bool(answer) and SECRET not in answer)


async def _tell(place: Place, protection: Protection, entropy: Entropy, at: datetime) -> bytes:
    """Do what the protection asks, tell the secret, and return what came back.

    Raises PeerError where something is wrong with the device, or who stands before it, and
    LinkError where something is with the link.
    """
    session_less = protection in (Protection.CHALLENGE, Protection.MEASUREMENTS)
    offer = DEFAULT if session_less else for_sessions(DEFAULT)
    async with connect(*place.device, entropy=entropy, offer=offer) as client:
        measured: MeasurementMode = "none" if protection is Protection.CHALLENGE else "all"
        verdict = await client.attest(trust=sample_roots(), at=at, measurements=measured)
        for step in verdict.steps:
            if step.ok is False:
                raise PeerError(f"{step.name}: {step.detail}")
        if session_less:
            return await client.vendor(STANDARD, VENDOR, SECRET)
        async with client.session() as session:
            if protection is Protection.SESSION:
                return await session.vendor(STANDARD, VENDOR, SECRET)
            root = End("root port")
            if protection is Protection.IDE:
                root = root_port((await session.ide.query()).blocks)
                await session.ide.bring_up(root, stream=0)
            async with link(*place.link, end=root) as line:
                await line.write(ADDRESS, SECRET)
                return await line.read(ADDRESS, len(SECRET))
