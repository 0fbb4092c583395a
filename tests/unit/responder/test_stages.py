"""Reaching into a reply at every stage a responder passes, as faults will."""

from dataclasses import dataclass, field, replace

import pytest
from cryptography.exceptions import InvalidSignature
from devices import (
    GET_VERSION,
    Peer,
    chain,
    challenge,
    device,
    error,
    get_certificate,
    get_digests,
    get_measurements,
    negotiated,
    snapshot,
    vendor_request,
)
from unit.responder.verifying import said, verify

from emulator.crypto.keys import SigningKey
from emulator.spdm import signing
from emulator.spdm.messages import Certificate, ChallengeAuth, Error
from emulator.spdm.signing import ToSign
from emulator.spdm.stages import Situation, Stages
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.vendor import Registry, VendorExchange
from emulator.wire import Message


@dataclass
class Scripted(Stages):
    """Reaches in where it was given something to do, and remembers every stage it passed."""

    early: bytes | None = None
    edits: dict[type[Message], dict[str, object]] = field(default_factory=dict)
    other: ToSign | None = None
    key: SigningKey | None = None
    flip: int | None = None
    stands: bool = True
    passed: list[str] = field(default_factory=list)
    situations: list[Situation] = field(default_factory=list)

    def request(self, situation: Situation) -> bytes | None:
        self.passed.append("request")
        self.situations.append(situation)
        return self.early

    def message(self, situation: Situation, reply: Message) -> Message:
        self.passed.append("message")
        self.situations.append(situation)
        return replace(reply, **self.edits.get(type(reply), {}))  # type: ignore[arg-type]  # whatever a test says

    def sign(
        self, situation: Situation, to_sign: ToSign, key: SigningKey
    ) -> tuple[ToSign, SigningKey]:
        self.passed.append("sign")
        self.situations.append(situation)
        self.seen = to_sign
        return self.other or to_sign, self.key or key

    def signed(self, situation: Situation, data: bytes) -> bytes:
        self.passed.append("signed")
        self.situations.append(situation)
        if self.flip is None:
            return data
        changed = bytearray(data)
        changed[self.flip] ^= 0x01
        return bytes(changed)

    def commit(self, situation: Situation) -> bool:
        self.passed.append("commit")
        self.situations.append(situation)
        return self.stands


def after(state: State, stages: Scripted) -> Peer:
    """A peer that came to `state` before the stages began to reach in."""
    peer = Peer(stages=Stages()).climb(state)
    peer.responder._stages = stages
    return peer


def test_with_stages_that_do_nothing_the_bytes_are_the_same() -> None:
    plain, staged = Peer(device()), Peer(device(), stages=Stages())
    for peer in (plain, staged):
        peer.climb(State.AUTHENTICATED)
        peer.good(get_measurements(0x13, 1))
        peer.ask(get_measurements(0x13, 4))
        peer.ask(b"\x13")
        peer.good(get_measurements(0x13, signed=True))
        peer.ask(vendor_request(0x13))
    assert staged.said == plain.said
    assert snapshot(staged.connection) == snapshot(plain.connection)


def test_stages_are_passed_in_order() -> None:
    stages = Scripted()
    peer = after(State.NEGOTIATED, stages)
    peer.good(challenge())
    assert stages.passed == ["request", "message", "sign", "signed", "commit"]
    stages.passed.clear()
    peer.good(get_digests())
    assert stages.passed == ["request", "message", "signed", "commit"]
    stages.passed.clear()
    peer.ask(get_certificate(slot=1))
    assert stages.passed == ["request", "message", "signed"]


def test_a_stage_sees_the_connection_the_request_and_its_number() -> None:
    stages = Scripted()
    held = device()
    held.attach()
    peer = Peer(held, stages=stages)
    peer.good(GET_VERSION)
    peer.ask(b"?")
    peer.ask(b"")
    assert {situation.number for situation in stages.situations} == {2}
    assert {(seen.ordinal, seen.request) for seen in stages.situations} == {
        (0, GET_VERSION),
        (1, b"?"),
        (2, b""),
    }
    assert all(seen.connection is peer.connection for seen in stages.situations)


def test_an_early_answer_is_all_that_happens() -> None:
    stages = Scripted(early=error(0x13, 0x03))
    peer = after(State.NEGOTIATED, stages)
    before, ordinal = snapshot(peer.connection), peer.responder.ordinal
    reply = peer.exchange(challenge())
    assert reply.data == error(0x13, 0x03)
    assert reply.error is None
    assert stages.passed == ["request", "signed"]
    assert snapshot(peer.connection) == before
    assert peer.responder.ordinal == ordinal + 1
    stages.early = None
    peer.good(challenge())
    verify(said(peer, 0, 1, 2, -1))


@pytest.mark.parametrize(("code", "kept"), [(0x03, 0), (0x05, 0), (0x42, 2)])
def test_an_early_error_starts_a_reading_anew_unless_the_reply_is_to_come(
    code: int, kept: int
) -> None:
    stages = Scripted()
    peer = after(State.NEGOTIATED, stages)
    peer.good(get_measurements(operation=1))
    assert len(peer.connection.transcript.part(Part.M)) == 2
    stages.early = error(0x13, code)
    peer.exchange(get_measurements(operation=2))
    assert len(peer.connection.transcript.part(Part.M)) == kept
    peer.exchange(challenge())
    assert len(peer.connection.transcript.part(Part.M)) == kept


def test_an_edited_message_is_correctly_signed() -> None:
    stages = Scripted(edits={ChallengeAuth: {"slot_mask": 0xFF, "nonce": b"n" * 32}})
    peer = after(State.NEGOTIATED, stages)
    reply = peer.good(challenge())
    assert (reply[3], reply[52:84]) == (0xFF, b"n" * 32)
    verify(said(peer, 0, 1, 2, 3))


def test_an_edited_message_is_what_the_transcript_has() -> None:
    edit: dict[str, object] = {"portion": b"not a chain", "portion_length": 11}
    peer = after(State.NEGOTIATED, Scripted(edits={Certificate: edit}))
    reply = peer.good(get_certificate())
    assert reply[8:] == b"not a chain"
    peer.good(challenge())
    verify(said(peer, 0, 1, 2, 3, 4))


def test_an_error_can_be_edited_too() -> None:
    edit: dict[str, object] = {"error_code": 0x42, "extended": b"\x01\xe1\x00\x02"}
    peer = after(State.NEGOTIATED, Scripted(edits={Error: edit}))
    assert peer.ask(get_certificate(slot=1)) == error(0x13, 0x42, 0, b"\x01\xe1\x00\x02")


def test_an_edit_that_fits_no_message_is_the_devices_failure() -> None:
    peer = after(State.NEGOTIATED, Scripted(edits={ChallengeAuth: {"slot_mask": 0x100}}))
    before = snapshot(peer.connection)
    assert peer.ask(challenge()) == error(0x13, 0x05)
    assert snapshot(peer.connection) == before


def test_another_key_may_sign() -> None:
    peer = after(State.NEGOTIATED, Scripted(key=chain("ECDSA_P384", 2).key))
    peer.good(challenge(slot=0))
    verify(said(peer, 0, 1, 2, 3), slot=2)
    with pytest.raises(InvalidSignature):
        verify(said(peer, 0, 1, 2, 3), slot=0)


def test_something_else_may_be_signed() -> None:
    stages = Scripted()
    peer = after(State.NEGOTIATED, stages)
    peer.good(challenge())
    assert (stages.seen.context, stages.seen.version) == (signing.CHALLENGE_AUTH, 0x13)
    stages.other = replace(stages.seen, view=stages.seen.view[:-1])
    peer.good(challenge())
    with pytest.raises(InvalidSignature):
        verify(said(peer, 0, 1, 2, -1))
    request, reply = peer.said[3]
    unsigned = [*said(peer, 0, 1, 2), (request, peer.said[4][1][-96:])]
    verify(unsigned)
    assert reply[-96:] != peer.said[4][1][-96:]


def test_a_bit_flipped_after_signing_breaks_it_and_is_not_in_the_transcript() -> None:
    stages = Scripted(flip=-1)
    peer = after(State.NEGOTIATED, stages)
    peer.good(challenge())
    with pytest.raises(InvalidSignature):
        verify(said(peer, 0, 1, 2, 3))
    stages.flip = 40
    peer.good(get_digests())
    stages.flip = None
    peer.good(challenge())
    request, reply = peer.said[4]
    sent = reply[:40] + bytes((reply[40] ^ 1,)) + reply[41:]
    verify([*said(peer, 0, 1, 2), (request, sent), peer.said[5]])


@pytest.mark.parametrize("state", list(State)[1:], ids=lambda state: state.name)
def test_a_reply_that_does_not_stand_changes_nothing(state: State) -> None:
    peer = after(State(state - 1), Scripted(stands=False))
    before, ordinal = snapshot(peer.connection), peer.responder.ordinal
    reached = Peer().climb(state)
    request, reply = reached.said[-1]
    assert peer.ask(request)[:4] == reply[:4]
    assert snapshot(peer.connection) == before
    assert peer.responder.ordinal == ordinal + 1


class Silent:
    """A vendor protocol without an answer."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        del payload, exchange
        return None


def test_no_response_passes_the_stages_that_have_something_to_say() -> None:
    vendors = Registry()
    vendors.add(3, b"\x01\x00", Silent())
    stages = Scripted()
    peer = negotiated(vendors=vendors, stages=stages)
    stages.passed.clear()
    assert peer.exchange(vendor_request()).data is None
    assert stages.passed == ["request", "commit"]
