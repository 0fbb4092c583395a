"""What the doctor does not know, keep, or say too often."""

import struct

import pytest
from careless import CarelessWire, begun, data, proof, record, same, shared_of, wire_of
from secured import able_device, plain

from emulator.device.sessions import Sessions
from emulator.endpoint import Answered, Diagnosed
from emulator.responder.doctor import VISITS
from emulator.spdm.doctor import MISTAKES


def unknown(said: Diagnosed) -> None:
    told = f"none of the {len(MISTAKES)} mistakes I know explains it"
    assert (said.diagnosis.mistake, said.diagnosis.explanation) == ("", told)


@pytest.mark.parametrize("psk", [False, True])
def test_a_mistake_nobody_knows(*, psk: bool) -> None:
    session = begun(psk=psk)
    proof(session, lambda p: p.but(finish=b"something else"), of_th1=same)
    unknown(wire_of(session).diagnoses()[0])
    session = begun(psk=psk)
    record(session, lambda p: p.but(reply=p.reply[::-1]))
    unknown(wire_of(session).diagnoses()[0])
    session = begun(psk=psk)
    data(session, lambda p: p.but(request=p.request[::-1]))
    unknown(wire_of(session).diagnoses()[0])


def test_records_that_are_none_and_later_ones() -> None:
    """A record cut short is a case without an explanation; of later ones the key is known."""
    session = begun()
    wire = wire_of(session)
    wire.record(struct.pack("<IH", session.id, 3) + b"abc")
    unknown(wire.diagnoses()[0])
    session = begun()
    session.finish().good(plain(0x13, 0xE8))
    sealed = bytearray(session.seal(plain(0x13, 0xE8)))
    sealed[-4] ^= 1
    wire_of(session).record(bytes(sealed))
    assert not wire_of(session).diagnoses()


def test_nothing_is_kept_once_data_has_come_or_without_the_doctor() -> None:
    session = begun()
    secrets = session.held.secrets
    assert bytes(secrets.kept) == shared_of(session)
    held = secrets.kept
    session.finish().good(plain(0x13, 0xE8))
    assert not secrets.kept
    assert not any(held)
    session = begun()
    held = session.held.secrets.kept
    session.ask(session.finish_request(wrong=1))
    assert not any(held)
    session = begun(held=able_device(sessions=Sessions(doctor=False)))
    assert not session.held.secrets.kept
    session.ask(session.finish_request(wrong=1))
    assert not wire_of(session).diagnoses()


def test_a_peer_is_told_so_often_and_no_more() -> None:
    wire = CarelessWire()
    for number in range(VISITS + 3):
        session = wire.by_psk(requester=number)
        session.ask(session.finish_request(wrong=1))
    assert len(wire.diagnoses()) == VISITS
    assert len(wire.events) > VISITS


def test_what_the_doctor_says_stands_before_the_refusal() -> None:
    session = begun()
    session.ask(session.finish_request(wrong=1))
    *_, said, answered = wire_of(session).events
    assert isinstance(said, Diagnosed)
    assert said.session == session.id
    assert isinstance(answered, Answered)
