"""Sessions of our requester with our device, in any order, with wrong moves mixed in.

Up to eight connections over any transport share one device with room for four sessions. The model
knows which sessions there are; both sides must agree with it after every step, and whatever goes
wrong in one session is nothing to the others.
"""

import pytest
from devices import error
from fuzz.depth import fuzzing
from hosting import BOTH, SecureHost, offering
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from secured import HINT, KEY, able_device

from emulator.client.drive import unwrap, wrap
from emulator.errors import BrokenReply, EmulatorError, PeerErrorReply
from emulator.requester import SecureSession
from emulator.requester.flow import Inside
from emulator.spdm.codes import ErrorCode
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session import Phase
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

MOST_HOSTS, MOST_SESSIONS = 8, 4
HEADERS = {DOE.name: 8, MCTP.name: 1, TCP.name: 4}
ID_SIZE = 4

picks = st.integers(0, 1 << 16)
operations = st.sampled_from((KeyOperation.UPDATE_KEY, KeyOperation.UPDATE_ALL_KEYS))


class SessionsOfADevice(RuleBasedStateMachine):
    """A device, its requesters, and the sessions there are."""

    def __init__(self) -> None:
        super().__init__()
        self.device = able_device()
        self.hosts: list[SecureHost] = []
        self.live: list[tuple[SecureHost, SecureSession]] = []

    def pick(self, pick: int, phase: Phase = Phase.ESTABLISHED) -> tuple[SecureHost, SecureSession]:
        """Some session in this phase."""
        there = [one for one in self.live if one[1].session.phase is phase]
        return there[pick % len(there)]

    def has(self, phase: Phase) -> bool:
        return any(session.session.phase is phase for _, session in self.live)

    def gone(self, host: SecureHost, session: SecureSession) -> None:
        """A session is over, for both."""
        assert not session.live
        self.live.remove((host, session))
        assert session.id not in host.endpoint.responder.connection.sessions

    @initialize(over=st.lists(st.sampled_from((DOE, MCTP, TCP)), max_size=MOST_HOSTS))
    def so_many_are_there(self, over: list[Binding]) -> None:
        for binding in over:
            self.connect(binding=binding)

    @precondition(lambda self: len(self.hosts) < MOST_HOSTS)
    @rule(binding=st.sampled_from((DOE, MCTP, TCP)))
    def connect(self, binding: Binding) -> None:
        offer = offering(BOTH, dhe=("SECP_256_R1",), asym=("ECDSA_P256",))
        seed = f"host {len(self.hosts)}"
        host = SecureHost(self.device, offer=offer, binding=binding, seed=seed)
        self.hosts.append(host.connected())

    @precondition(lambda self: self.hosts)
    @rule(pick=picks, shared=st.booleans(), through=st.booleans())
    def open(self, pick: int, *, shared: bool, through: bool) -> None:
        host = self.hosts[pick % len(self.hosts)]
        requester = host.requester
        flow = requester.psk_exchange(HINT, KEY) if shared else requester.key_exchange()
        if len(self.live) == MOST_SESSIONS:
            with pytest.raises(PeerErrorReply) as refused:
                host.run(flow)
            assert refused.value.code == ErrorCode.SESSION_LIMIT_EXCEEDED
            return
        session = host.run(flow)
        self.live.append((host, session))
        if through:
            host.run(session.finish())

    @precondition(lambda self: self.has(Phase.HANDSHAKE))
    @rule(pick=picks, wrong=st.booleans())
    def finish(self, pick: int, *, wrong: bool) -> None:
        host, session = self.pick(pick, Phase.HANDSHAKE)
        if not wrong:
            host.run(session.finish())
            return
        session.session.transcript.exchange(b"never said")
        with pytest.raises(PeerErrorReply) as refused:
            host.run(session.finish())
        assert refused.value.code == ErrorCode.DECRYPT_ERROR
        self.gone(host, session)

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks)
    def measure(self, pick: int) -> None:
        host, session = self.pick(pick)
        if 0 not in session.chains:
            host.run(session.certificate())
        assert len(host.run(session.measurements()).measurements) == 5

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks)
    def heartbeat(self, pick: int) -> None:
        host, session = self.pick(pick)
        host.run(session.heartbeat())

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks, operation=operations)
    def update(self, pick: int, operation: KeyOperation) -> None:
        host, session = self.pick(pick)
        host.run(session.update_keys(operation))

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks)
    def end(self, pick: int) -> None:
        host, session = self.pick(pick)
        host.run(session.end_session())
        self.gone(host, session)

    @precondition(lambda self: self.hosts)
    @rule(pick=picks, shared=st.booleans())
    def as_many_as_there_is_room_for(self, pick: int, *, shared: bool) -> None:
        """All that are left on one connection: up to four of it, and then no more."""
        for _ in range(MOST_SESSIONS - len(self.live) + 1):
            self.open(pick, shared=shared, through=True)
        assert self.device.sessions.full

    @precondition(lambda self: self.hosts)
    @rule(pick=picks)
    def measure_outside(self, pick: int) -> None:
        host = self.hosts[pick % len(self.hosts)]
        assert host.run(host.requester.measurements()).transcript_hash

    @precondition(lambda self: self.hosts)
    @rule(pick=picks)
    def negotiate_anew(self, pick: int) -> None:
        host = self.hosts[pick % len(self.hosts)]
        host.connected()
        for one in [one for one in self.live if one[0] is host]:
            self.gone(*one)

    @precondition(lambda self: self.live)
    @rule(pick=picks, at=picks, value=st.integers(1, 255))
    def bent_record(self, pick: int, at: int, value: int) -> None:
        """A byte of a record on its way to the device is another one: that ends its session."""
        host, session = self.live[pick % len(self.live)]
        payload = bytearray(self._record(host, session))
        first = HEADERS[host.binding.name] + ID_SIZE
        last = len(payload) - (3 if host.binding is DOE else 0)  # which may be padding
        payload[first + at % (last - first)] ^= value
        self._ended(host, session, host.carry(bytes(payload)))

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks)
    def replayed_record(self, pick: int) -> None:
        host, session = self.pick(pick)
        host.run(session.heartbeat())
        self._ended(host, session, host.carry(host.sent[-1]))

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks)
    def records_in_the_wrong_order(self, pick: int) -> None:
        """The second comes first: that ends the session, and the first has none any more."""
        host, session = self.pick(pick)
        first, second = self._record(host, session), self._record(host, session)
        self._ended(host, session, host.carry(second))
        assert host.carry(first) == b""

    @precondition(lambda self: len(self.live) > 1)
    @rule(pick=picks, other=picks)
    def record_of_another_session(self, pick: int, other: int) -> None:
        """A record with the id of another session of the connection: that one is over."""
        host, session = self.live[pick % len(self.live)]
        mine = [two for one, two in self.live if one is host and two is not session]
        if not mine:
            return
        victim = mine[other % len(mine)]
        payload = bytearray(self._record(host, session))
        at = HEADERS[host.binding.name]
        payload[at : at + ID_SIZE] = victim.id.to_bytes(ID_SIZE, "little")
        self._ended(host, victim, host.carry(bytes(payload)))
        # The number of the record that never came is missing now.
        self._ended(host, session, host.carry(self._record(host, session)))

    @precondition(lambda self: self.live and len(self.hosts) > 1)
    @rule(pick=picks, other=picks)
    def record_on_another_connection(self, pick: int, other: int) -> None:
        """There it is of no session; its own takes it afterwards."""
        host, session = self.live[pick % len(self.live)]
        elsewhere = self.hosts[other % len(self.hosts)]
        if elsewhere is host or session.id in elsewhere.connection.sessions:
            return
        inside = Inside(b"\x14\xe8\0\0", session)
        payload = wrap(inside, host.binding)
        record = payload[HEADERS[host.binding.name] :]
        assert elsewhere.carry(elsewhere.binding.wrap_record(record)) == b""
        reply = unwrap(host.carry(payload), host.binding, inside)
        in_handshake = session.session.phase is Phase.HANDSHAKE
        expected = error(0x14, ErrorCode.UNEXPECTED_REQUEST) if in_handshake else b"\x14\x68\0\0"
        assert reply == expected

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks, operation=st.sampled_from((0, 3, 4, 0xFF)))
    def key_update_that_is_none(self, pick: int, operation: int) -> None:
        """To verify a key that is not new, or no operation at all."""
        host, session = self.pick(pick)
        inside = Inside(bytes((0x14, 0xE9, operation, 1)), session)
        reply = unwrap(host.carry(wrap(inside, host.binding)), host.binding, inside)
        assert reply == error(0x14, ErrorCode.INVALID_REQUEST)

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks, operation=operations)
    def key_update_that_is_not_verified(self, pick: int, operation: KeyOperation) -> None:
        """The new keys are in use all the same; another update is refused, and the session ends."""
        host, session = self.pick(pick)
        inside = Inside(bytes((0x14, 0xE9, operation, 1)), session)
        payload = wrap(inside, host.binding)
        session.session.update(operation)
        reply = unwrap(host.carry(payload), host.binding, inside)
        assert reply == bytes((0x14, 0x69, operation, 1))
        reply = unwrap(host.carry(wrap(inside, host.binding)), host.binding, inside)
        assert reply == error(0x14, ErrorCode.INVALID_REQUEST)
        host.run(session.heartbeat())
        host.run(session.end_session())
        self.gone(host, session)

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks)
    def finish_once_more(self, pick: int) -> None:
        host, session = self.pick(pick)
        code = 0xE7 if session.session.psk else 0xE5
        inside = Inside(bytes((0x14, code, 0, 0, 0, 0)) + bytes(64), session)
        reply = unwrap(host.carry(wrap(inside, host.binding)), host.binding, inside)
        assert reply == error(0x14, ErrorCode.UNEXPECTED_REQUEST)

    @precondition(lambda self: self.has(Phase.ESTABLISHED))
    @rule(pick=picks)
    def plain_text_for_a_session(self, pick: int) -> None:
        """What belongs into a session is refused outside of all, and nothing comes of it."""
        host, _ = self.pick(pick)
        reply = host.answer(b"\x14\xe8\0\0")
        assert reply[:3] == error(0x14, ErrorCode.SESSION_REQUIRED)[:3]

    @precondition(lambda self: self.has(Phase.HANDSHAKE))
    @rule(pick=picks)
    def application_in_a_handshake(self, pick: int) -> None:
        host, session = self.pick(pick, Phase.HANDSHAKE)
        with pytest.raises(PeerErrorReply) as refused:
            host.run(session.measurements(1, signed_by=None))
        assert refused.value.code == ErrorCode.UNEXPECTED_REQUEST
        with pytest.raises(EmulatorError, match="is in its handshake"):
            host.run(session.heartbeat())

    @precondition(lambda self: self.hosts)
    @rule(pick=picks, number=st.integers(0, (1 << 32) - 1), record=st.binary(max_size=60))
    def record_of_no_session(self, pick: int, number: int, record: bytes) -> None:
        host = self.hosts[pick % len(self.hosts)]
        if number in host.connection.sessions:
            return
        told = number.to_bytes(ID_SIZE, "little") + record
        assert host.carry(host.binding.wrap_record(told)) == b""

    def _record(self, host: SecureHost, session: SecureSession) -> bytes:
        """The payload of a request inside."""
        return wrap(Inside(b"\x14\xe8\0\0", session), host.binding)

    def _ended(self, host: SecureHost, session: SecureSession, answer: bytes) -> None:
        """The device said in a last record that it could not read what came."""
        reply = unwrap(answer, host.binding, Inside(b"", session))
        assert reply == error(0x14, ErrorCode.DECRYPT_ERROR)
        session.end()
        self.gone(host, session)
        with pytest.raises((EmulatorError, BrokenReply)):
            host.run(session.measurements())

    @invariant()
    def both_sides_have_the_same_sessions(self) -> None:
        assert len(self.device.sessions.live) == len(self.live)
        for host in self.hosts:
            ours = host.connection.sessions
            theirs = host.endpoint.responder.connection.sessions
            assert ours.keys() == theirs.keys() == {s.id for h, s in self.live if h is host}
            for number, session in ours.items():
                assert session.phase is theirs[number].phase
                assert session.updating == theirs[number].updating


TestSessions = SessionsOfADevice.TestCase
TestSessions.settings = fuzzing(30, steps=60)
