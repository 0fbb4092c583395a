"""Every attack against every protection, over real sockets: what is noticed, and where.

The host proves to itself whom it speaks to, by one of the protections, and then tells the device a
secret: by a vendor-defined message, whose answer it takes, or over the link, by writing it to the
device's memory and reading it again. An attack has worked where the middle has read the secret, or
the host has taken for the device's what is not, and nothing was noticed.

With IDE up, the host asks for the measurements once more, in the session: they show what the device
has of the link, which is to be what the host's own end has.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from emulator.client import Client, SessionClient, connect
from emulator.client.link import link
from emulator.device import Device
from emulator.device.measured_state import ide_value, stream_entry
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
        agreed: whether the measurements of the link show what the host's own end has; None: none
            were taken.
    """

    mode: Mode
    protection: Protection
    noticed: str
    read: bool
    forged: bool
    agreed: bool | None = None

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
    host = _Host(between, protection, entropy.fork("host"), at)
    noticed = ""
    try:
        await host.tell()
    except (PeerError, LinkError) as error:
        noticed = f"{type(error).__name__}: {error}"
    finally:
        await proxy.stop()
        await line.stop()
    read = any(SECRET in deed.data for deed in proxy.deeds if deed.what == "read")
    forged = bool(host.answer) and SECRET not in host.answer
    return Attempt(mode, protection, noticed, read, forged, host.agreed)


class _Host:
    """Who relies on a protection.

    Attributes:
        answer: what came back from the device, as far as it knows.
        agreed: as in `Attempt`.
    """

    def __init__(
        self, place: Place, protection: Protection, entropy: Entropy, at: datetime
    ) -> None:
        self.answer = b""
        self.agreed: bool | None = None
        self._place = place
        self._protection = protection
        self._entropy = entropy
        self._at = at

    async def tell(self) -> None:
        """Do what the protection asks, tell the secret, and take what comes back.

        Raises PeerError where something is wrong with the device, or who stands before it, and
        LinkError where something is with the link.
        """
        in_the_clear = self._protection in (Protection.CHALLENGE, Protection.MEASUREMENTS)
        offer = DEFAULT if in_the_clear else for_sessions(DEFAULT)
        async with connect(*self._place.device, entropy=self._entropy, offer=offer) as client:
            await self._prove(client)
            if in_the_clear:
                self.answer = await client.vendor(STANDARD, VENDOR, SECRET)
                return
            async with client.session() as session:
                if self._protection is Protection.SESSION:
                    self.answer = await session.vendor(STANDARD, VENDOR, SECRET)
                else:
                    await self._over_the_link(session)

    async def _prove(self, client: Client) -> None:
        mode: MeasurementMode = "none" if self._protection is Protection.CHALLENGE else "all"
        verdict = await client.attest(trust=sample_roots(), at=self._at, measurements=mode)
        for step in verdict.steps:
            if step.ok is False:
                raise PeerError(f"{step.name}: {step.detail}")

    async def _over_the_link(self, session: SessionClient) -> None:
        """Write the secret to the device's memory, and read it again."""
        root = End("root port")
        if self._protection is Protection.IDE:
            root = root_port((await session.ide.query()).blocks)
            await session.ide.bring_up(root, stream=0)
        try:
            async with link(*self._place.link, end=root) as line:
                await line.write(ADDRESS, SECRET)
                self.answer = await line.read(ADDRESS, len(SECRET))
        finally:
            if self._protection is Protection.IDE:
                self.agreed = await self._measures(session, root)

    async def _measures(self, session: SessionClient, root: End) -> bool:
        """Whether the device measures of its link what this end of it has."""
        measured = await session.measure_all(raw=True)
        ours = ide_value(stream_entry(0, one) for one in root.streams if one.secure or one.failed)
        return any(one.value == ours for one in measured.measurements if one.raw)
