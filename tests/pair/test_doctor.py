"""A requester that makes a mistake in a session is told which: each that the doctor knows."""

from collections.abc import Callable

import mistaken
import pytest
from careless import (
    CLEAR,
    CarelessWire,
    Pieces,
    begun,
    data,
    diagnosed,
    proof,
    record,
    same,
    shared_of,
    wire_of,
)
from devices import chain
from mistaken import BY_KEY, BY_PSK, HASHED, IN_FINISH, IN_TH2, LABELS, OF_DATA, PROOFS, SEALED
from secured import ABLE, HINT, REQUESTER, SCHEME, able_device

from emulator.answer import opening
from emulator.crypto import dhe
from emulator.device import Sizes
from emulator.device.sessions import Sessions
from emulator.spdm.capabilities import Cap
from emulator.spdm.doctor import MISTAKES
from emulator.spdm.doctor.records import SIGNATURES
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.transcript import Entry, View

NAMES = [mistake.name for mistake in MISTAKES]


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
    told = Entry(b"\x13\x01\0\x01" + bytes(48))

    def several(
        negotiation: View, *, digests: View = (), chain_hash: bytes | None = None
    ) -> SessionTranscript:
        assert not digests
        return SessionTranscript(negotiation, digests=(told,), chain_hash=chain_hash)

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


@pytest.mark.parametrize("psk", [False, True])
def test_the_headers_of_chunks(*, psk: bool) -> None:
    for clear in (False, True):
        held = able_device(capabilities=ABLE | Cap.CHUNK)
        held.sizes = Sizes(transmit=72 if psk else 200, max_message=65536)  # whole proofs
        flags = (CLEAR if clear else REQUESTER) | Cap.CHUNK
        wire = CarelessWire(held, flags=flags)
        session = wire.by_psk() if psk else wire.by_key()
        chunks = b"".join(wire.chunks)

        def change(p: Pieces, chunks: bytes = chunks) -> Pieces:
            return p.but(reply=chunks[: len(chunks) - len(p.proof)], signature=b"")

        (proof if session.in_the_clear else record)(session, change)
        diagnosed(session, "chunk-headers")


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


def test_each_mistake_the_doctor_knows_was_made() -> None:
    """By the tests of this file; signatures have their own."""
    elsewhere = {mistake.name for mistake in SIGNATURES} | {
        "hash-sha-384",
        "requester-chain-left-out",
    }
    assert len(NAMES) == len(set(NAMES))
    tables = (HASHED, BY_KEY, BY_PSK, IN_FINISH, IN_TH2, LABELS, OF_DATA, PROOFS, SEALED)
    more = (mistaken.SAID, mistaken.OF_KEY, mistaken.OF_PSK)
    made_here = {name for table in (*tables, *more) for name in table} | ALONE
    assert made_here == set(NAMES) - elsewhere


ALONE = {
    "chunk-headers",
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
