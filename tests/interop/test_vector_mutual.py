"""The recording with mutual authentication, through the code that a device runs.

What the requester signed is taken by the handler of FINISH, and by the questions that a device
asks; what these ask is what the recorded responder asked.
"""

from dataclasses import dataclass

import pytest
from devices import device
from interop import recorded
from interop.recorded import Recorded
from interop.session_walk import Session as Walked
from interop.session_walk import Walk
from interop.test_vectors_1_4 import CLASSIC, chain, encapsulated

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.finish import finish
from emulator.answer.mutual import portion
from emulator.ask import PeerChain
from emulator.crypto.certificate import Certificate
from emulator.device import Device, Sizes
from emulator.device.mutual import MutualAuthentication
from emulator.entropy import Recorded as Drawn
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, DecryptError, SignatureMismatch
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Finish
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.questions import IdentityQuestion, Progress
from emulator.spdm.session import Session
from emulator.spdm.state import State
from emulator.spdm.transcript import Entry, Part
from emulator.vendor import Registry
from emulator.wire import parse

pytestmark = pytest.mark.vectors

BOTH = Cap.CERT | Cap.CHAL | Cap.MUT_AUTH | Cap.ENCAP | Cap.KEY_EX | Cap.LARGE_RESP | Cap.MAC
LARGE_REQUEST, DELIVER, LARGE_HEADER = 12, 4, 16


def agreed(recording: Recorded) -> Connection:
    """The recorded connection, as its responder has it."""
    made = Connection(
        state=State.NEGOTIATED,
        version=recording.version,
        local_capabilities=BOTH | Cap.HANDSHAKE_IN_THE_CLEAR,
        peer_capabilities=BOTH | Cap.HANDSHAKE_IN_THE_CLEAR,
        algorithms=Negotiated(
            hash=recording.hash,
            asym=recording.asym,
            req_asym=recording.req_asym,
            requester_keys=True,
        ),
    )
    negotiation = [Entry(raw) for pair in recording.exchanges[:3] for raw in pair]
    made.transcript.append(Part.A, negotiation)
    return made


def trusting(whom: PeerChain, *, data_transfer: int = 4600) -> Device:
    """A device that trusts the requester's root at a time when its chain was valid."""
    root, *_, leaf = map(Certificate.parse, whom.certificates)
    made = device(sizes=Sizes(data_transfer=data_transfer, max_message=data_transfer))
    made.mutual = MutualAuthentication(anchors=(root.der,), at=leaf.not_before)
    return made


@dataclass
class Taken:
    """A FINISH as the device took it, and the exchange."""

    exchange: Exchange
    request: Finish
    outcome: Outcome


def taken(exchange: Exchange, request: Finish) -> Outcome:
    """What the handler says."""
    outcome = finish(exchange, request)
    assert isinstance(outcome, Outcome)
    return outcome


class Taking(Walk):
    """Hands each signed FINISH to the device's handler, before the walk goes on."""

    def __init__(self, recording: Recorded) -> None:
        self.taken: list[Taken] = []
        super().__init__(recording)

    def _finish(self, session: Walked, request: bytes) -> None:
        if not session.psk:
            self.taken.append(self._take(session, request))
        super()._finish(session, request)

    def _take(self, session: Walked, raw: bytes) -> Taken:
        connection = agreed(self.recording)
        asked, size = parse(Finish, raw, connection.shape(verify=True, by_requester=True), slack=3)
        digests = next(two for one, two in self._encapsulated if one[1] == Code.GET_DIGESTS)
        shown = chain(self.recording, self._encapsulated, asked.requester_slot)
        held = Session(
            id=session.sealer.session,
            psk=False,
            context=connection.inside(),
            secrets=session.secrets,
            transcript=session.transcript.copy(),
            encrypted=True,
            mutual=MutualAuth.ENCAPSULATED,
            requester_slot=asked.requester_slot,
        )
        held.accept_requester(shown.spdm, (Entry(digests),))
        connection.open(held)
        to, entropy = trusting(shown), Seeded("vector")
        exchange = Exchange(to, connection, entropy, Registry(), Code.FINISH, size, raw=raw)
        return Taken(exchange, asked, taken(exchange, asked))


def test_each_finish_is_accepted() -> None:
    finishes = Taking(recorded.read(CLASSIC)).taken
    assert len(finishes) == 2
    for one in finishes:
        assert one.request.signature
        assert one.outcome.refused is None


@pytest.mark.parametrize("bent", ["signature", "digests", "chain"])
def test_each_finish_is_refused_for_anything_else(bent: str) -> None:
    for one in Taking(recorded.read(CLASSIC)).taken:
        [held] = one.exchange.connection.sessions.values()
        if bent == "signature":
            end = one.exchange.size - len(one.request.verify_data)
            raw = bytearray(one.exchange.raw)
            raw[end - 1] ^= 1
            one.exchange.raw = bytes(raw)
            shape = one.exchange.connection.shape(verify=True, by_requester=True)
            one.request, _ = parse(Finish, bytes(raw), shape, slack=3)
        elif bent == "digests":
            held.requester_digests = ()
        else:
            held.requester_chain = b""
        refused = taken(one.exchange, one.request).refused
        assert isinstance(refused, DecryptError)


def asked_again(recording: Recorded) -> tuple[Exchange, IdentityQuestion, list[Progress]]:
    """The questions of the recorded challenge, from the second request on, and their answers."""
    exchanges = encapsulated(recording, recording.first(Code.CHALLENGE) + 1)
    digests, certificate, challenge = exchanges
    shown = chain(recording, exchanges, challenge[0][2])
    length = int.from_bytes(certificate[0][LARGE_REQUEST:16], "little")
    to = trusting(shown, data_transfer=length + DELIVER + LARGE_HEADER)
    drawn = Drawn(
        [("CHALLENGE nonce", challenge[0][4:36]), ("CHALLENGE context", challenge[0][36:44])]
    )
    connection = agreed(recording)
    code = Code.DELIVER_ENCAPSULATED_RESPONSE
    exchange = Exchange(to, connection, drawn, Registry(), code, 0)
    question = IdentityQuestion(shown.slot, challenge=True)
    state = connection.turn()
    state.transcript.append(Part.B, map(Entry, digests))
    first = portion(question, exchange, state, shown.digest)
    assert first.request == certificate[0]
    fetched = first.accept(exchange, certificate[1])
    assert fetched.next is not None
    assert fetched.next.request == challenge[0]
    return exchange, question, [fetched, fetched.next.accept(exchange, challenge[1])]


def test_the_challenge_of_the_requester_is_accepted() -> None:
    exchange, question, (_, proved) = asked_again(recorded.read(CLASSIC))
    assert (proved.next, proved.slot) == (None, question.slot)
    for effect in proved.effects:
        effect()
    assert set(exchange.connection.requester_chains) == {question.slot}


@pytest.mark.parametrize("at", [-1, 40])
def test_no_other_answer_is(at: int) -> None:
    recording = recorded.read(CLASSIC)
    exchange, _, (fetched, _) = asked_again(recording)
    *_, (_, answer) = encapsulated(recording, recording.first(Code.CHALLENGE) + 1)
    bent = bytearray(answer)
    bent[at] ^= 1
    assert fetched.next is not None
    with pytest.raises((SignatureMismatch, BrokenReply)):
        fetched.next.accept(exchange, bytes(bent))
