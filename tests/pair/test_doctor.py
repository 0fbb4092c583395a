"""A requester that makes a mistake in a session is told which: each that the doctor knows."""

import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import mistaken
import pytest
from careless import CarelessWire, Pieces, made, pieces, shared_of
from devices import chain, error, get_certificate, get_digests
from mistaken import BY_KEY, BY_PSK, HASHED, IN_FINISH, IN_TH2, LABELS, OF_DATA, PROOFS, SEALED
from secured import HINT, REQUESTER, SCHEME, Inside, able_device, plain

from emulator.answer import opening
from emulator.crypto import dhe
from emulator.device import Device
from emulator.device.sessions import Sessions
from emulator.endpoint import Answered, Diagnosed
from emulator.responder.doctor import VISITS
from emulator.spdm.capabilities import Cap
from emulator.spdm.doctor import MISTAKES
from emulator.spdm.doctor.records import SIGNATURES
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.transcript import Entry

CLEAR = REQUESTER | Cap.HANDSHAKE_IN_THE_CLEAR
DECRYPT = 0x06
NAMES = [mistake.name for mistake in MISTAKES]
Change = Callable[[Pieces], Pieces]


def same(p: Pieces) -> Pieces:
    return p


def begun(
    *,
    psk: bool = False,
    clear: bool = False,
    version: int = 0x13,
    summary: int = 0,
    held: Device | None = None,
    flags: Cap = REQUESTER,
) -> Inside:
    """A session in its handshake, by a requester that has asked for certificates before."""
    wire = CarelessWire(held, version=version, flags=CLEAR if clear else flags)
    wire.good(get_digests(version))
    wire.good(get_certificate(version, length=0x200))
    return wire.by_psk() if psk else wire.by_key(summary=summary)


def wire_of(session: Inside) -> CarelessWire:
    assert isinstance(session.wire, CarelessWire)
    return session.wire


def diagnosed(session: Inside, name: str, tail: str = "") -> None:
    """The doctor has named this mistake, once, and only the session's end came of it."""
    [said] = wire_of(session).diagnoses()
    assert said.diagnosis.mistake == name, said
    assert said.diagnosis.explanation.endswith(tail), said
    assert session.id not in wire_of(session).connection.sessions


def record(session: Inside, change: Change = same, steps: dict[str, Any] | None = None) -> None:
    """FINISH in a record whose keys have a mistake."""
    careless, hashed = made(steps or {}, session), change(pieces(session))
    secret = careless.secret(careless.handshake(shared_of(session)), hashed.th1)
    sealed = careless.record(session, secret, session.finish_request())
    assert wire_of(session).record(sealed) is not None


def proof(
    session: Inside,
    change: Change = same,
    steps: dict[str, Any] | None = None,
    *,
    of_th1: Change | None = None,
) -> None:
    """FINISH whose verify data has a mistake, in its transcripts or in one of them."""
    careless, right = made(steps or {}, session), pieces(session)
    th1 = (of_th1 or change)(right).th1
    verify_data = careless.verify_data(shared_of(session), th1, change(right).proven)
    request = right.finish + verify_data[:48].ljust(48, b"\0")
    if session.in_the_clear:
        assert wire_of(session).ask(request)[:4] == error(session.wire.version, DECRYPT)
    else:
        assert session.ask(request) == error(session.wire.version, DECRYPT)


def data(session: Inside, change: Change = same, steps: dict[str, Any] | None = None) -> None:
    """The first record of data, with a mistake in its keys."""
    kept = shared_of(session)
    th1 = pieces(session).th1
    session.finish()
    careless, hashed = made(steps or {}, session), change(pieces(session))
    sealed = careless.record(
        session, careless.data(kept, th1, hashed.th2), plain(session.wire.version, 0xE8)
    )
    assert wire_of(session).record(sealed) is not None


def test_who_makes_no_mistake_is_told_nothing() -> None:
    for psk in (False, True):
        session = begun(psk=psk)
        record(session)
        assert wire_of(session).connection.sessions
        session = begun(psk=psk)
        data(session)
        assert not wire_of(session).diagnoses()
        assert wire_of(session).connection.sessions


@pytest.mark.parametrize("name", [*HASHED, *BY_KEY])
def test_what_is_hashed(name: str) -> None:
    change = (HASHED | BY_KEY)[name]
    summary = 0xFF if name.startswith("summary") else 0
    session = begun(summary=summary)
    record(session, change)
    diagnosed(session, name)
    session = begun(clear=True, summary=summary)
    proof(session, change)
    diagnosed(session, name)


@pytest.mark.parametrize("name", [*HASHED, *BY_KEY])
def test_what_is_hashed_in_the_finish_alone(name: str) -> None:
    change = (HASHED | BY_KEY)[name]
    session = begun(summary=0xFF if name.startswith("summary") else 0)
    proof(session, change, of_th1=same)
    diagnosed(session, name, "in FINISH's transcript alone")


@pytest.mark.parametrize("name", [*BY_PSK, "negotiation-left-out", "padding-of-replies"])
def test_what_is_hashed_with_a_pre_shared_key(name: str) -> None:
    session = begun(psk=True)
    record(session, (HASHED | BY_PSK)[name])
    diagnosed(session, name)


@pytest.mark.parametrize("name", mistaken.SAID)
def test_what_was_said_about_certificates_is_put_in(name: str) -> None:
    for clear in (False, True):
        session = begun(clear=clear)
        said = b"".join(mistaken.SAID[name](wire_of(session).said()))

        def change(p: Pieces, said: bytes = said) -> Pieces:
            return p.but(between=said)

        (proof if clear else record)(session, change)
        diagnosed(session, name)


@pytest.mark.parametrize("clear", [False, True])
def test_digests_left_out_where_several_keys_may_be_used(
    monkeypatch: pytest.MonkeyPatch, *, clear: bool
) -> None:
    digests = Entry(b"\x13\x01\0\x01" + bytes(48))
    several = partial(SessionTranscript, digests=(digests,))
    monkeypatch.setattr(opening, "SessionTranscript", several)
    wire = CarelessWire(flags=CLEAR if clear else REQUESTER)
    # The device's signature covers DIGESTS, which this requester does not look at.
    monkeypatch.setattr("secured.SessionTranscript", several)
    session = wire.by_key()

    def change(p: Pieces) -> Pieces:
        return p.but(vca=p.vca[:6])

    (proof if clear else record)(session, change)
    diagnosed(session, "digests-left-out")
    assert wire.diagnoses()[0].diagnosis.explanation == "your transcript leaves out DIGESTS"


@pytest.mark.parametrize("name", IN_FINISH)
def test_what_is_hashed_for_the_finish(name: str) -> None:
    version = 0x14 if name == "finish-cut" else 0x13
    session = begun(version=version)
    proof(session, IN_FINISH[name], of_th1=same)
    diagnosed(session, name)


@pytest.mark.parametrize("name", IN_TH2)
def test_what_is_hashed_for_th2(name: str) -> None:
    session = begun()
    data(session, IN_TH2[name])
    diagnosed(session, name)


def test_what_is_hashed_for_th2_in_other_handshakes() -> None:
    session = begun(clear=True)
    data(session, lambda p: p.but(last_proof=b""))
    diagnosed(session, "th2-without-last-proof")
    session = begun(psk=True)
    data(session, lambda p: p.but(finish_reply=b""))
    diagnosed(session, "psk-finish-rsp-left-out")


@pytest.mark.parametrize("name", LABELS | mistaken.OF_KEY)
def test_steps_of_the_key_schedule(name: str) -> None:
    steps = (LABELS | mistaken.OF_KEY)[name]

    def change(p: Pieces) -> Pieces:
        other = name.removeprefix("hash-").replace("-", "_").upper()
        return p.but(chain=chain(SCHEME).digest(other)) if name.startswith("hash-") else p

    session = begun()
    record(session, change, steps)
    diagnosed(session, name)
    session = begun(clear=True)
    if not name.startswith("hash-") or name.endswith(("384", "512")):
        proof(session, change, steps)
        # Verify data tells no more than that the finished key was another.
        diagnosed(session, "other-finished-key" if name == "other-direction" else name)


@pytest.mark.parametrize("name", [*mistaken.OF_PSK, "prefix-spdm1-2", "other-direction"])
def test_steps_of_the_key_schedule_with_a_pre_shared_key(name: str) -> None:
    session = begun(psk=True)
    record(session, same, (LABELS | mistaken.OF_PSK)[name])
    diagnosed(session, name)


def test_versions_and_salts_of_the_other_kind() -> None:
    session = begun(version=0x12)
    record(session, same, {"prefix": lambda _: b"spdm1.3 "})
    diagnosed(session, "prefix-spdm1-3")
    session = begun(psk=True, version=0x12)
    record(session, same, mistaken.OF_KEY["salt-0-ones"])
    diagnosed(session, "salt-0-ones")


def test_a_secret_that_begins_or_ends_with_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dhe.KeyPair.shared
    with monkeypatch.context() as patch:
        patch.setattr(
            dhe.KeyPair, "shared", lambda self, peer: bytearray(b"\0\0") + whole(self, peer)[2:]
        )
        session = begun()
        kept = shared_of(session)
    assert kept[:2] == b"\0\0"
    record(session, same, {"handshake": lambda c, s: c.hmac(c.salt(), s[2:])})
    diagnosed(session, "secret-stripped")
    key = b"TestPskData\0"
    held = able_device(sessions=Sessions(keys={HINT: key}))
    wire = CarelessWire(held)
    session = wire.by_psk(key=key)
    record(session, same, {"handshake": lambda c, s: c.hmac(c.salt(), s[:-1])})
    diagnosed(session, "psk-without-zero")


@pytest.mark.parametrize("name", PROOFS)
def test_steps_of_verify_data(name: str) -> None:
    for clear in (False, True):
        session = begun(clear=clear)
        proof(session, same, PROOFS[name])
        diagnosed(session, name)


@pytest.mark.parametrize("name", SEALED)
@pytest.mark.parametrize("encrypted", [False, True])
def test_steps_of_records(name: str, *, encrypted: bool) -> None:
    flags = REQUESTER if encrypted else REQUESTER & ~Cap.ENCRYPT
    session = begun(flags=flags)
    record(session, same, SEALED[name])
    diagnosed(session, name)


@pytest.mark.parametrize("name", OF_DATA)
def test_steps_of_data(name: str) -> None:
    session = begun()
    data(session, same, OF_DATA[name])
    diagnosed(session, name)


def test_verify_data_in_th1_and_where_there_is_none() -> None:
    session = begun()
    record(session, lambda p: p.but(signature=p.signature + p.proof))
    diagnosed(session, "proof-in-th1")
    session = begun(clear=True)
    proof(session, lambda p: p.but(proof=bytes(48)))
    diagnosed(session, "proof-that-is-none")


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("session-id-swapped", lambda number: number[2:] + number[:2]),
        ("session-id-big-endian", lambda number: number[::-1]),
        ("session-id-halves-big-endian", lambda n: n[:2][::-1] + n[2:][::-1]),
    ],
)
def test_a_session_id_that_is_written_otherwise(
    name: str, reading: Callable[[bytes], bytes]
) -> None:
    session = begun()
    sealed = session.seal(session.finish_request())
    assert wire_of(session).record(reading(sealed[:4]) + sealed[4:]) is None
    [said] = wire_of(session).diagnoses()
    assert said.diagnosis.mistake == name
    assert f"{session.id:08x}" in said.diagnosis.explanation
    assert wire_of(session).record(sealed) is not None


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


def test_each_mistake_the_doctor_knows_was_made() -> None:
    """By the tests of this file; signatures have their own."""
    elsewhere = {mistake.name for mistake in SIGNATURES} | {"hash-sha-384"}
    assert len(NAMES) == len(set(NAMES))
    tables = (HASHED, BY_KEY, BY_PSK, IN_FINISH, IN_TH2, LABELS, OF_DATA, PROOFS, SEALED)
    more = (mistaken.SAID, mistaken.OF_KEY, mistaken.OF_PSK)
    made_here = {name for table in (*tables, *more) for name in table} | ALONE
    assert made_here == set(NAMES) - elsewhere


ALONE = {
    "digests-left-out",
    "secret-stripped",
    "psk-without-zero",
    "prefix-spdm1-3",
    "proof-in-th1",
    "proof-that-is-none",
    "th2-without-last-proof",
    "psk-finish-rsp-left-out",
}
"""The mistakes that have a test of their own."""
