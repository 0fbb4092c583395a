"""Our requester's sessions with DMTF's spdm_responder_emu.

As in test_reference_responder.py, whose helpers start it.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from interop.test_reference_responder import FOLDERS, HINT, RESPONDER, failed, responder, roots

from emulator.client import Client, SessionClient, SocketChannel
from emulator.crypto import hashes
from emulator.crypto.keys import VerifyingKey
from emulator.errors import BrokenReply, EmulatorError, PeerErrorReply
from emulator.requester import Measured, Offer, Sessions, for_sessions
from emulator.spdm.algorithms import AEADS, DHE_GROUPS, HASHES, SIGNATURES, Algorithm, by_name
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import PskExchangeRsp
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.secured_versions import SecuredVersion
from emulator.spdm.versions import BY_TEXT
from emulator.transport.spdm_socket import Command, Frame

pytestmark = pytest.mark.reference

VERSIONS = ("1.1", "1.2", "1.3", "1.4")
CARRIERS = ("doe", "mctp", "tcp")
PLAIN = Cap.CERT | Cap.CHAL | Cap.MEAS_SIG
IN_SESSION = Cap.MAC | Cap.ENCRYPT | Cap.HBEAT | Cap.KEY_UPD
SPELT = {"HANDSHAKE_IN_THE_CLEAR": "HANDSHAKE_IN_CLEAR"}
PSK_HINT, PSK = b"TestPskHint\0", b"TestPskData\0"
MEASURED = 8


def offered(family: Sequence[Algorithm]) -> list[str]:
    return [row.name for row in family if row.offered]


DHE, AEAD = offered(DHE_GROUPS), offered(AEADS)


@pytest.fixture(scope="module", autouse=True)
def _responder() -> None:
    if not RESPONDER:
        pytest.skip(HINT)


def caps(flags: Cap) -> tuple[str, str]:
    """Its option for these capabilities."""
    return "--cap", ",".join(SPELT.get(one.name or "", one.name or "") for one in flags)


def common(version: str) -> list[str]:
    """Its options for everything that these tests choose by their own offers."""
    return [
        "--ver", version, "--mut_auth", "NO",
        "--dhe", ",".join(DHE), "--aead", ",".join(AEAD),
    ]  # fmt: skip


def check_summary(client: Client, session: SessionClient, measured: Measured) -> None:
    """The measurement summary hash of the exchange is that of what was measured inside."""
    chosen = client.requester.connection.algorithms.hash
    assert chosen is not None
    blocks = [one.block for one in measured.measurements]
    found = session.session.opened.reply.summary
    assert found == hashes.digest(chosen.name, *blocks)


async def walk(client: Client, session: SessionClient) -> None:
    """Everything that is there to do in a session, with a key exchange's chain or without."""
    if 0 not in client.requester.chains:
        assert (await session.certificate()).slot == 0
    digests = await session.digests()
    assert digests.digests[0] == (await session.certificate()).digest
    check_summary(client, session, await session.measure_all())
    await session.heartbeat()
    for operation in (KeyOperation.UPDATE_KEY, KeyOperation.UPDATE_ALL_KEYS):
        await session.update_keys(operation)
        assert len((await session.measurements()).measurements) == MEASURED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", CARRIERS)
@pytest.mark.parametrize("group", DHE)
async def test_a_key_exchange_with_each_aead(version: str, transport: str, group: str) -> None:
    async with responder(*common(version), transport=transport) as client:
        for aead, how in itertools.product(AEAD, (Cap(0), Cap.HANDSHAKE_IN_THE_CLEAR)):
            lists = Offer(dhe=(group,), aead=(aead,), key_schedule=("SPDM",))
            client.requester.offer = for_sessions(lists, Cap.KEY_EX | how)
            agreed = await client.connect()
            assert (agreed.dhe, agreed.aead) == (by_name(DHE_GROUPS, group), by_name(AEADS, aead))
            assert client.requester.connection.both(Cap.HANDSHAKE_IN_THE_CLEAR) == bool(how)
            async with client.session(summary=SummaryType.ALL) as session:
                assert session.session.opened.secured_version is SecuredVersion.V1_2
                await walk(client, session)
            assert not session.session.live


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", CARRIERS)
@pytest.mark.parametrize("psk", [Cap.PSK, Cap.PSK_WITH_CONTEXT])
async def test_a_pre_shared_key(version: str, transport: str, psk: Cap) -> None:
    options = [*common(version), *caps(PLAIN | IN_SESSION | psk)]
    async with responder(*options, transport=transport) as client:
        for aead in AEAD:
            client.requester.offer = for_sessions(Offer(aead=(aead,)), Cap.PSK)
            await client.connect()
            async with client.psk_session(PSK_HINT, PSK, summary=SummaryType.ALL) as session:
                reply = session.session.opened.reply
                assert isinstance(reply, PskExchangeRsp)
                assert bool(reply.context) == (psk is Cap.PSK_WITH_CONTEXT)
                await walk(client, session)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", CARRIERS)
async def test_sessions_that_only_authenticate(version: str, transport: str) -> None:
    flags = PLAIN | IN_SESSION & ~Cap.ENCRYPT | Cap.KEY_EX | Cap.PSK
    offer = for_sessions(Offer(), Cap.KEY_EX | Cap.PSK)
    async with responder(
        *common(version), *caps(flags), offer=offer, transport=transport
    ) as client:
        await client.connect()
        async with client.session(summary=SummaryType.ALL) as session:
            assert not session.session.session.encrypted
            await walk(client, session)
        async with client.psk_session(PSK_HINT, PSK, summary=SummaryType.ALL) as session:
            await walk(client, session)


@pytest.mark.parametrize(
    ("asym", "base_hash"),
    [
        *((asym, "SHA_384") for asym in FOLDERS),
        *(("ECDSA_P256", row.name) for row in HASHES if row.offered),
    ],
)
async def test_each_signature_algorithm_and_each_hash(asym: str, base_hash: str) -> None:
    since = max(by_name(SIGNATURES, asym).since, BY_TEXT["1.1"])
    version = "1.1" if since == BY_TEXT["1.1"] else "1.3"
    options = [*common(version), "--asym", asym, "--hash", base_hash]
    async with responder(*options, offer=for_sessions(Offer())) as client:
        agreed = await client.connect()
        assert (agreed.asym, agreed.hash) == (by_name(SIGNATURES, asym), by_name(HASHES, base_hash))
        async with client.session() as session:
            assert len((await session.measurements()).measurements) == MEASURED


@pytest.mark.parametrize("transport", CARRIERS)
async def test_four_sessions_at_once_and_no_fifth(transport: str) -> None:
    offer = for_sessions(Offer(), Cap.KEY_EX | Cap.PSK)
    async with responder(*common("1.3"), offer=offer, transport=transport) as client:
        await client.connect()
        first = client.session()
        second = client.psk_session(PSK_HINT, PSK)
        third = client.session(1)
        fourth = client.psk_session(PSK_HINT, PSK)
        async with first as one, second as two, third as three, fourth as four:
            assert len({session.id for session in (one, two, three, four)}) == 4
            for _ in range(2):
                for session in (four, one, three, two):
                    await session.measurements()
                    await client.measurements()
                await three.update_keys()
            with pytest.raises(PeerErrorReply) as refused:
                async with client.session():
                    pass
            assert refused.value.code == 0x0A
            await two.end()
            async with client.session() as another:
                await another.heartbeat()
            for session in (one, three, four):
                await session.heartbeat()
        assert client.requester.connection.sessions == {}


async def test_what_begins_outside_and_is_measured_outside_is_its_own() -> None:
    # L1/L2 of the session and that of the connection grow side by side.
    async with responder(*common("1.3"), offer=for_sessions(Offer())) as client:
        await client.connect()
        async with client.session() as session:
            for asking in (client, session, client, session):
                await asking.measurements(1, signed_by=None)
            assert (await client.measurements(2)).covered == 3
            assert (await session.measurements(2)).covered == 3


async def test_a_negotiation_ends_sessions() -> None:
    async with responder(*common("1.2"), offer=for_sessions(Offer())) as client:
        await client.connect()
        async with client.session() as session:
            await client.connect()
            assert not session.session.live
            with pytest.raises(EmulatorError, match="is over"):
                await session.heartbeat()
        async with client.session() as session:
            await session.heartbeat()


async def test_another_pre_shared_key_does_not_prove_itself() -> None:
    async with responder(*common("1.3"), offer=for_sessions(Offer(), Cap.PSK)) as client:
        await client.connect()
        with pytest.raises(BrokenReply, match=r"PSK_EXCHANGE_RSP\.verify_data"):
            async with client.psk_session(PSK_HINT, b"another key"):
                pass
        assert client.requester.connection.sessions == {}


async def test_a_wrong_finish_is_refused() -> None:
    async with responder(*common("1.3"), offer=for_sessions(Offer())) as client:
        await client.connect()
        await client.certificate()
        session = await client.run(client.requester.key_exchange())
        session.session.transcript.exchange(b"what the device never saw")
        with pytest.raises(PeerErrorReply) as refused:
            await client.run(session.finish())
        assert refused.value.code == 0x06
        assert not session.live


async def test_its_own_slots_vouch_for_sessions() -> None:
    async with responder(*common("1.3"), offer=for_sessions(Offer())) as client:
        await client.connect()
        for slot in (0, 1):
            async with client.session(slot) as session:
                await session.measurements(signed_by=slot)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", CARRIERS)
async def test_it_updates_its_own_key(version: str, transport: str) -> None:
    offer = for_sessions(Offer(), Cap.KEY_EX | Cap.ENCAP)
    flags = PLAIN | IN_SESSION | Cap.KEY_EX | Cap.ENCAP
    async with responder(
        *common(version), *caps(flags), offer=offer, transport=transport
    ) as client:
        await client.connect()
        async with client.session() as session:
            assert await session.run(session.session.encapsulated()) == []
            channel = client.channel
            assert isinstance(channel, SocketChannel)
            for _ in range(3):
                before = session.session.session.secrets.traffic(Direction.RESPONSE)
                told = session.id.to_bytes(4, "little")
                await channel._request(
                    Frame(Command.OOB_ENCAP_KEY_UPDATE, channel.binding.transport, told)
                )
                asked = await session.run(session.session.encapsulated())
                assert asked == [Code.KEY_UPDATE, Code.KEY_UPDATE]
                after = session.session.session.secrets.traffic(Direction.RESPONSE)
                assert after is not before
                assert len((await session.measurements()).measurements) == MEASURED
                await session.update_keys()


BOTH = Sessions(key_exchange=True, psk={PSK_HINT: PSK})
OFFER = for_sessions(Offer(), Cap.KEY_EX | Cap.PSK)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", CARRIERS)
async def test_an_attestation_with_sessions(version: str, transport: str) -> None:
    async with responder(*common(version), offer=OFFER, transport=transport) as client:
        verdict = await client.attest(
            trust=roots("ECDSA_P384"), at=datetime.now(UTC), sessions=BOTH
        )
    assert failed(verdict) == []
    assert [step.name for step in verdict.steps if step.ok is None] == ["chain: leaf name"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asym", ["ECDSA_P384", "RSASSA_3072"])
async def test_a_session_by_its_public_key(version: str, asym: str) -> None:
    more = ("--slot_id", "0xFF", "--asym", asym, "--hash", "SHA_384")
    path = Path(RESPONDER).parent / FOLDERS[asym] / "end_responder.key.pub.der"
    async with responder(*common(version), *more, offer=OFFER) as client:
        verdict = await client.attest(
            trust=(),
            at=datetime.now(UTC),
            public_keys=VerifyingKey.read(path.read_bytes()),
            sessions=BOTH,
        )
    assert failed(verdict) == []
    for step in ("session signature", "session measurement signature", "psk session end"):
        assert verdict.step(step).ok


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
@pytest.mark.parametrize("transport", CARRIERS)
async def test_large_messages_in_chunks_inside_of_a_session(version: str, transport: str) -> None:
    flags = PLAIN | IN_SESSION | Cap.KEY_EX | Cap.CHUNK
    small = Offer(capabilities=Cap.CHUNK, data_transfer_size=256, max_message=1 << 16)
    codes: list[int] = []
    async with responder(
        *common(version), *caps(flags), offer=for_sessions(small), transport=transport
    ) as client:
        await client.connect()
        told = Client(
            client.requester, client.channel, observer=lambda _, raw: codes.append(raw[1])
        )
        async with told.session(summary=SummaryType.ALL) as session:
            before = len(codes)
            await walk(told, session)
    assert Code.CHUNK_GET in codes[before:]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("secured", [*SecuredVersion])
async def test_each_version_of_secured_messages(version: str, secured: SecuredVersion) -> None:
    # One of ours among all of its own; then one of its own among all of ours.
    only = ("--sec_ver", f"{secured >> 4}.{secured & 0xF}")
    for theirs, ours in (((), (secured,)), (only, tuple(SecuredVersion))):
        offer = for_sessions(Offer(secured_versions=ours))
        async with responder(*common(version), *theirs, offer=offer) as client:
            await client.connect()
            async with client.session(summary=SummaryType.ALL) as session:
                assert session.session.opened.secured_version is secured
                await walk(client, session)
