"""Sessions: our requester against our device, through its endpoint, over every transport."""

import pytest
from hosting import BOTH, CLEAR, SecureHost, offering
from secured import ABLE, AEADS, GROUPS, HINT, KEY, able_device

from emulator.crypto import hashes
from emulator.device import Timing
from emulator.device.sessions import Sessions
from emulator.errors import EmulatorError, PeerErrorReply
from emulator.requester import Offer, SecureSession, measure_all
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.pending import Readiness
from emulator.spdm.versions import Version
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.none import NONE
from emulator.transport.tcp import TCP

VERSIONS = (Version.V1_1, Version.V1_2, Version.V1_3, Version.V1_4)
every_version = pytest.mark.parametrize("version", VERSIONS)
every_binding = pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)


def use(host: SecureHost, session: SecureSession) -> None:
    """Everything there is to do in a session."""
    run = host.run
    assert run(session.digests()).digests[0] == run(session.certificate()).digest
    count = run(session.measurement_count())
    measured = run(measure_all(session, count=count)).measurements
    assert len(measured) == count
    hash_name = "SHA_384"
    stated = session.opened.reply.summary
    assert stated == hashes.digest(hash_name, *(one.block for one in measured))
    run(session.heartbeat())
    for operation in (KeyOperation.UPDATE_KEY, KeyOperation.UPDATE_ALL_KEYS) * 2:
        run(session.update_keys(operation))
        run(session.measurements(1))
    run(session.end_session())
    assert not session.live
    assert host.connection.sessions == {}
    assert host.device.sessions.live == set()


@every_version
@every_binding
@pytest.mark.parametrize("how", [BOTH, CLEAR], ids=["encrypted", "clear"])
def test_a_key_exchange(version: Version, binding: Binding, how: Cap) -> None:
    host = SecureHost(offer=offering(how, versions=(version,)), binding=binding).connected()
    session = host.run(host.requester.session(summary=SummaryType.ALL))
    assert session.session.encrypted
    use(host, session)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("aead", AEADS)
def test_each_group_and_each_aead(group: str, aead: str) -> None:
    host = SecureHost(offer=offering(dhe=(group,), aead=(aead,))).connected()
    use(host, host.run(host.requester.session(summary=SummaryType.ALL)))


@every_version
@every_binding
@pytest.mark.parametrize("psk", [Cap.PSK, Cap.PSK_WITH_CONTEXT])
def test_a_pre_shared_key(version: Version, binding: Binding, psk: Cap) -> None:
    device = able_device(capabilities=ABLE & ~Cap.PSK_WITH_CONTEXT | psk)
    host = SecureHost(device, offer=offering(versions=(version,)), binding=binding).connected()
    use(host, host.run(host.requester.psk_session(HINT, KEY, summary=SummaryType.ALL)))


@every_version
@every_binding
def test_records_that_are_not_encrypted(version: Version, binding: Binding) -> None:
    device = able_device(capabilities=ABLE & ~Cap.ENCRYPT)
    host = SecureHost(device, offer=offering(versions=(version,)), binding=binding).connected()
    session = host.run(host.requester.session(summary=SummaryType.ALL))
    assert not session.session.encrypted
    use(host, session)


@every_binding
def test_large_messages_inside(binding: Binding) -> None:
    device = able_device(capabilities=ABLE | Cap.CHUNK)
    sized = Offer(capabilities=Cap.CHUNK, data_transfer_size=256, max_message=1 << 16)
    host = SecureHost(
        device,
        offer=offering(
            capabilities=sized.capabilities,
            data_transfer_size=sized.data_transfer_size,
            max_message=sized.max_message,
        ),
        binding=binding,
    ).connected()
    session = host.run(host.requester.session(summary=SummaryType.ALL))
    before = len(host.sent)
    assert len(host.run(session.measurements()).measurements) == 5
    assert len(host.sent) - before > 2
    use(host, session)


@every_binding
@pytest.mark.parametrize("how", [BOTH, CLEAR], ids=["encrypted", "clear"])
def test_replies_that_are_not_ready_inside_and_outside(binding: Binding, how: Cap) -> None:
    slow = frozenset(
        {
            Code.KEY_EXCHANGE,
            Code.FINISH,
            Code.PSK_EXCHANGE,
            Code.PSK_FINISH,
            Code.HEARTBEAT,
            Code.GET_MEASUREMENTS,
            Code.END_SESSION,
        }
    )
    device = able_device(timing=Timing(not_ready=Readiness(slow, tries=1)))
    host = SecureHost(device, offer=offering(how), binding=binding).connected()
    for session in (host.session(), host.psk_session()):
        host.run(session.measurements())
        host.run(session.heartbeat())
        host.run(session.update_keys())
        host.run(session.measurements())
        host.run(session.end_session())
    assert device.sessions.live == set()


def test_as_many_sessions_as_there_are_and_no_more() -> None:
    host = SecureHost().connected()
    open_ = [host.session() if number % 2 else host.psk_session() for number in range(4)]
    with pytest.raises(PeerErrorReply) as refused:
        host.session()
    assert refused.value.code == 0x0A
    for _ in range(2):
        for session in reversed(open_):
            host.run(session.measurements())
            host.run(host.requester.measurements())
            host.run(session.update_keys())
    host.run(open_[1].end_session())
    another = host.session()
    for session in (open_[0], open_[2], open_[3], another):
        host.run(session.heartbeat())


def test_a_missed_heartbeat_ends_the_session_and_that_alone() -> None:
    host = SecureHost(able_device(sessions=Sessions(heartbeat=10, keys={HINT: KEY}))).connected()
    kept, missed = host.session(), host.session()
    host.now += 15
    host.run(kept.heartbeat())
    host.now += 10
    host.run(kept.heartbeat())
    with pytest.raises(EmulatorError, match="no response"):
        host.run(missed.heartbeat())
    host.run(kept.measurements())


def test_a_transport_without_records_has_no_sessions() -> None:
    host = SecureHost(binding=NONE).connected()
    session = host.run(host.requester.key_exchange())
    with pytest.raises(EmulatorError, match="transport none carries no sessions"):
        host.run(session.finish())


@pytest.mark.parametrize("how", [BOTH, CLEAR], ids=["encrypted", "clear"])
def test_the_same_seed_gives_the_same_bytes(how: Cap) -> None:
    sent = []
    for _ in range(2):
        host = SecureHost(offer=offering(how), binding=MCTP).connected()
        for session in (host.session(), host.psk_session()):
            host.run(session.measurements())
            host.run(session.update_keys())
            host.run(session.end_session())
        sent.append(host.sent)
    assert sent[0] == sent[1]
    other = SecureHost(offer=offering(how), binding=MCTP, seed="another").connected()
    other.session()
    assert other.sent[-1] not in sent[0]


@pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])
@every_binding
def test_what_a_device_tells_of_itself(version: Version, binding: Binding) -> None:
    """The log and the device classes, in a session as outside."""
    able = able_device(capabilities=ABLE | Cap.MEL | Cap.EP_INFO_SIG)
    host = SecureHost(able, offer=offering(versions=(version,)), binding=binding).connected()
    session = host.run(host.requester.session())
    for asker in (host.requester, session):
        log = host.run(asker.measurement_log())
        assert [one.index for one in log] == [1, 2, 3, 5, 0xFE]
        signed = host.run(asker.endpoint_info(signed_by=0))
        assert signed.classes == host.run(asker.endpoint_info()).classes
        assert signed.transcript_hash
    host.run(session.end_session())
