"""What the middle does with what passes, and with hosts that do not look closely."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from emulator.client import connect
from emulator.client.link import link
from emulator.crypto.keys import SigningKey, VerifyingKey
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.errors import PeerError, PeerErrorReply
from emulator.link.frames import LinkFrame
from emulator.mitm import Deed, LineProxy, Middle, Mode, Proxy
from emulator.mitm.experiment import ANSWER, SECRET, STANDARD, VENDOR, Locker, served
from emulator.mitm.line import Line, seen
from emulator.mitm.overheard import Overheard
from emulator.profile import build, load
from emulator.requester import DEFAULT, for_sessions, root_port
from emulator.serve import Listener
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.session import KeyOperation
from emulator.transport import doe
from emulator.transport.spdm_socket import Command, Frame, TransportType
from emulator.vendor import Registry

AT = datetime(2026, 6, 1, tzinfo=UTC)
TRANSPORTS = ["doe", "mctp", "tcp"]


def device() -> Device:
    entropy = Seeded("genuine")
    return build(load("secure-session", at=AT), entropy=entropy, at=AT)


@asynccontextmanager
async def between(mode: Mode, genuine: Device | None = None) -> AsyncIterator[tuple[int, Proxy]]:
    """A genuine device, and the middle before it."""
    vendors = Registry()
    vendors.add(STANDARD, VENDOR, Locker())
    listener = Listener(genuine or device(), vendors=vendors)
    proxy = Proxy(await listener.start("127.0.0.1", 0), mode, Seeded("middle"))
    _, port = await proxy.start("127.0.0.1", 0)
    try:
        yield port, proxy
    finally:
        await proxy.stop()
        await listener.stop()


def read(proxy: Proxy) -> list[Deed]:
    return [deed for deed in proxy.deeds if deed.what == "read" and SECRET in deed.data]


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that take any signature."""
    monkeypatch.setattr(VerifyingKey, "verify", lambda *_: True)


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_host_that_skips_the_signature_tells_the_middle_all(
    transport: str, *, clear: bool
) -> None:
    """A whole session on either side: everything is as the host expects it."""
    offer = for_sessions(DEFAULT)
    if clear:
        offer = for_sessions(DEFAULT, Cap.KEY_EX | Cap.HANDSHAKE_IN_THE_CLEAR)
    async with (
        between(Mode.TERMINATE) as (port, proxy),
        connect("127.0.0.1", port, offer=offer, transport=transport) as host,
    ):
        await host.connect()
        await host.digests()
        async with host.session() as session:
            assert await session.vendor(STANDARD, VENDOR, SECRET) == ANSWER + SECRET
            await session.update_keys(KeyOperation.UPDATE_ALL_KEYS)
            reading = await session.measurements()
            assert reading.reply.record
        async with host.session() as session:
            assert await session.vendor(STANDARD, VENDOR, SECRET) == ANSWER + SECRET
    told = read(proxy)
    assert {deed.name for deed in told} == {"VENDOR_DEFINED_REQUEST", "VENDOR_DEFINED_RESPONSE"}
    assert len({deed.session for deed in told}) == 2
    opened = [deed.name for deed in proxy.deeds if deed.what == "opened"]
    assert opened == ["a session with the host", "a session with the device"] * 2


@pytest.mark.usefixtures("trusting")
async def test_sessions_side_by_side() -> None:
    offer = for_sessions(DEFAULT)
    async with (
        between(Mode.TERMINATE) as (port, proxy),
        connect("127.0.0.1", port, offer=offer) as host,
    ):
        await host.connect()
        async with host.session() as one, host.session() as other:
            for session in (one, other, one):
                assert await session.vendor(STANDARD, VENDOR, SECRET) == ANSWER + SECRET
    assert len(read(proxy)) == 6


@pytest.mark.usefixtures("trusting")
async def test_a_device_that_opens_no_more_sessions_is_told_of() -> None:
    genuine = device()
    genuine.sessions.limit = 0
    async with (
        between(Mode.TERMINATE, genuine) as (port, proxy),
        connect("127.0.0.1", port, offer=for_sessions(DEFAULT)) as host,
    ):
        await host.connect()
        async with host.session() as session:
            with pytest.raises(PeerErrorReply):
                await session.vendor(STANDARD, VENDOR, SECRET)
    assert any(deed.what == "failed" and "SESSION_LIMIT" in deed.name for deed in proxy.deeds)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_host_that_verifies_the_signature_notices(transport: str) -> None:
    async with (
        between(Mode.TERMINATE) as (port, _),
        connect("127.0.0.1", port, offer=for_sessions(DEFAULT), transport=transport) as host,
    ):
        await host.connect()
        with pytest.raises(PeerError, match=r"KEY_EXCHANGE_RSP\.signature"):
            async with host.session():
                pass


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_records_that_are_changed_are_noticed(transport: str) -> None:
    async with (
        between(Mode.TAMPER) as (port, proxy),
        connect("127.0.0.1", port, offer=for_sessions(DEFAULT), transport=transport) as host,
    ):
        await host.connect()
        with pytest.raises(PeerError, match=r"record\.tag"):
            async with host.session():
                pass
    assert [deed.name for deed in proxy.deeds if deed.what == "altered"] == ["a record"]


async def test_a_pre_shared_key_keeps_the_middle_out() -> None:
    """The middle has no part of the key: it carries records that it cannot read."""
    genuine = device()
    hint, key = next(iter(genuine.sessions.keys.items()))
    offer = for_sessions(DEFAULT, Cap.PSK)
    async with (
        between(Mode.TERMINATE, genuine) as (port, proxy),
        connect("127.0.0.1", port, offer=offer) as host,
    ):
        await host.connect()
        async with host.psk_session(hint, key) as session:
            assert await session.vendor(STANDARD, VENDOR, SECRET) == ANSWER + SECRET
    assert not read(proxy)
    assert any(deed.what == "passed" for deed in proxy.deeds)


async def test_the_middle_never_has_the_devices_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it signs with is drawn anew, and what it signs is nobody's."""
    made: list[SigningKey] = []
    derive = SigningKey.derive

    def remember(scheme: str, secret: bytes) -> SigningKey:
        made.append(derive(scheme, secret))
        return made[-1]

    genuine = device()
    monkeypatch.setattr(SigningKey, "derive", remember)
    async with (
        between(Mode.TERMINATE, genuine) as (port, _),
        connect("127.0.0.1", port, offer=for_sessions(DEFAULT)) as host,
    ):
        await host.connect()
        with pytest.raises(PeerError):
            async with host.session():
                pass
    (own,) = made
    for slot in genuine.slots.values():
        for chain in slot.chains.values():
            assert chain.key.public.spki != own.public.spki


def test_nothing_is_known_before_anything_is_said() -> None:
    overheard = Overheard()
    overheard.learn(b"\x10", b"")
    overheard.learn(bytes(4), bytes(4))
    assert not overheard.negotiated
    with pytest.raises(LookupError):
        overheard.as_host()
    with pytest.raises(LookupError):
        _ = overheard.algorithms


KEYED = ("ide={selective: [{stream: 0}]}",)


@asynccontextmanager
async def keyed_between(mode: Mode) -> AsyncIterator[tuple[int, int, Device, Proxy]]:
    """A device with IDE, the middle before its mailbox and its link: both ports."""
    loaded = load("secure-session", sets=KEYED, at=AT)
    genuine = build(loaded, entropy=Seeded("genuine"), at=AT)
    async with served(genuine) as place:
        proxy = Proxy(place.device, mode, Seeded("middle"))
        line = LineProxy(place.link, mode, proxy.deeds.append)
        _, port = await proxy.start("127.0.0.1", 0)
        _, link_port = await line.start("127.0.0.1", 0)
        try:
            yield port, link_port, genuine, proxy
        finally:
            await proxy.stop()
            await line.stop()


@pytest.mark.usefixtures("trusting")
async def test_a_middle_that_has_the_keys_reads_the_link() -> None:
    """Who trusts any signature gives the middle the link's keys, too."""
    async with (
        keyed_between(Mode.TERMINATE) as (port, link_port, _, proxy),
        connect("127.0.0.1", port, offer=for_sessions(DEFAULT)) as host,
    ):
        await host.connect()
        async with host.session() as session:
            root = root_port((await session.ide.query()).blocks)
            await session.ide.bring_up(root, stream=0)
            async with link("127.0.0.1", link_port, end=root) as line:
                await line.write(0x100, SECRET)
                assert await line.read(0x100, len(SECRET)) == SECRET
    keys = [deed.data for deed in proxy.deeds if deed.what == "read" and deed.session]
    programmed = [data for data in keys if data[1] == 0xFE and b"\0\x02" in data]
    assert len(programmed) >= 6, "the middle has seen every KEY_PROG"


@pytest.mark.usefixtures("trusting")
async def test_a_link_whose_ends_have_different_keys_does_not_work() -> None:
    """It is the link that notices, where the host does not: the two ends' keys differ."""
    async with (
        keyed_between(Mode.SWAP_KEYS) as (port, link_port, genuine, proxy),
        connect("127.0.0.1", port, offer=for_sessions(DEFAULT)) as host,
    ):
        await host.connect()
        async with host.session() as session:
            root = root_port((await session.ide.query()).blocks)
            await session.ide.bring_up(root, stream=0)
            assert genuine.ide is not None
            device_end = genuine.ide.port(0)
            assert device_end is not None
            assert [one.secure for one in device_end.streams] == [True]
            async with link("127.0.0.1", link_port, end=root, timeout=0.5) as line:
                await line.write(0x100, SECRET)
                with pytest.raises(PeerError):
                    await line.read(0x100, len(SECRET))
            assert [one.secure for one in device_end.streams] == [False]
    assert [deed.name for deed in proxy.deeds if deed.what == "altered"] == ["KEY_PROG"] * 6


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\x92", b"\x92\0\0\0", bytes(3), b"\xff" * 8, bytes(12), b"\x40" * 40]
)
def test_anything_may_come_over_the_link(raw: bytes) -> None:
    seen(raw)
    deeds: list[Deed] = []
    for mode in Mode:
        line = Line(mode, deeds.append)
        line.downstream(LinkFrame(0, raw))
        if raw:
            line.upstream(LinkFrame(0, raw))
    assert len(deeds) >= len(Mode)


@pytest.mark.parametrize("message", [b"\x12\xfe\0\0", b"\x12\xfe\0\0\x03\0\xff", bytes(4)])
@pytest.mark.parametrize("mode", [Mode.RELAY, Mode.TERMINATE, Mode.SWAP_KEYS])
def test_messages_that_are_cut_off_get_an_answer(mode: Mode, message: bytes) -> None:
    """Whatever a host says, the middle goes on."""
    middle = Middle(mode, Seeded("middle"))
    frame = Frame(Command.NORMAL, TransportType.PCI_DOE, doe.spdm_object(message))
    got: list[Frame] = []

    def drive() -> Iterator[Frame]:
        got.append((yield from middle.take(frame, 0.0)))

    for _ in drive():  # what it passes on is not answered: the device has nothing to say
        got.append(frame)
        break
    assert got[0].payload
