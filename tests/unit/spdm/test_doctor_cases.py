"""Cases that no requester of these tests brings to a device: signatures, and other hashes."""

from dataclasses import replace

import pytest
from careless import Careless
from devices import chain

from emulator.spdm.algorithms import AEADS, HASHES, by_name
from emulator.spdm.connection import Connection
from emulator.spdm.doctor import (
    Case,
    Diagnosis,
    Known,
    Signature,
    UnprovenError,
    VerifyData,
    diagnose,
    misread,
)
from emulator.spdm.key_schedule import Direction, KeySchedule
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.session import Session
from emulator.spdm.session_secrets import Secrets
from emulator.spdm.session_transcript import REQUESTER_CHAIN, SessionTranscript, digest
from emulator.spdm.signing import CHALLENGE_AUTH, FINISH, KEY_EXCHANGE_RSP, ToSign
from emulator.spdm.transcript import Entry

SHARED = bytes(range(1, 33))
VCA = tuple(Entry(bytes((0x13, code)) + bytes(6)) for code in (0x84, 4, 0xE1, 0x61, 0xE3, 0x63))
OWN = chain("ECDSA_P256").key


def session(*, version: int = 0x13, keep: bool = True) -> Session:
    """A session in the middle of its FINISH, with SHA_256."""
    algorithms = Negotiated(hash=by_name(HASHES, "SHA_256"), aead=by_name(AEADS, "AES_128_GCM"))
    secrets = Secrets(KeySchedule(version, "SHA_256"), "AES_128_GCM", keep=keep)
    transcript = SessionTranscript(VCA, chain_hash=bytes(32))
    transcript.exchange(bytes((version, 0xE4)) + bytes(50), bytes((version, 0x64)) + bytes(50))
    transcript.sign_exchange(b"signature")
    secrets.begin(bytearray(SHARED), transcript.digest("SHA_256"))
    transcript.verify_exchange(bytes(32))
    transcript.finish(bytes((version, 0xE5, 1, 0)))
    context = Connection(version=version, algorithms=algorithms)
    return Session(
        1, psk=False, context=context, secrets=secrets, transcript=transcript, encrypted=True
    )


def said(held: Session, signed: ToSign) -> Diagnosis | None:
    """What is said of a signature over this."""
    evidence = Signature(OWN.sign(signed), OWN.public)
    return diagnose(Case(held, evidence, held.transcript.view), Known())


def signed(held: Session) -> ToSign:
    """What is to be signed."""
    return ToSign(held.context.version, FINISH, "SHA_256", held.transcript.view)


class WithoutPrefix(ToSign):
    """What 1.1 signs, in any version."""

    def digest(self) -> bytes:
        return self.transcript_hash()


@pytest.mark.parametrize(
    ("number", "context"),
    [
        (1, "responder-finish signing"),
        (2, KEY_EXCHANGE_RSP),
        (3, "requester-key_exchange signing"),
        (4, CHALLENGE_AUTH),
        (5, "requester-challenge_auth signing"),
        (6, "requester-finish"),
    ],
)
def test_the_context_of_a_signature(number: int, context: str) -> None:
    held = session()
    found = said(held, replace(signed(held), context=context))
    assert found is not None
    assert found.mistake == f"signature-context-{number}"
    assert f"'{context}'" in found.explanation


@pytest.mark.parametrize("version", [0x12, 0x13, 0x14])
def test_the_version_of_a_signature(version: int) -> None:
    held = session(version=0x13 if version != 0x13 else 0x14)
    found = said(held, replace(signed(held), version=version))
    assert found is not None
    assert found.mistake == f"signature-prefix-1-{version & 0xF}"


def test_the_prefix_of_a_signature() -> None:
    held = session()
    found = said(held, WithoutPrefix(0x13, FINISH, "SHA_256", held.transcript.view))
    assert found is not None
    assert found.mistake == "signature-without-prefix"
    held = session(version=0x11)
    found = said(held, replace(signed(held), version=0x12))
    assert found is not None
    assert found.mistake == "signature-prefix-1-2"


def test_what_a_signature_covers() -> None:
    held = session()
    found = said(held, replace(signed(held), view=held.transcript.view[2:]))
    assert found is not None
    assert found.mistake == "version-left-out"
    found = said(held, replace(signed(held), view=held.transcript.view[::-1]))
    assert found is not None
    assert found.mistake == ""


@pytest.mark.parametrize("proven", [False, True])
def test_the_requester_s_own_chain_left_out(*, proven: bool) -> None:
    """With mutual authentication; TH1 ends before it, in the clear, too."""
    held = session()
    own = Entry(bytes(32), REQUESTER_CHAIN)
    view = held.transcript.view
    before = view[:-1] if proven else view[:-2]
    whole = (*before, own, view[-1])
    mistaken = digest("SHA_256", (*before, view[-1]))
    evidence = VerifyData(held.secrets.verify_data(Direction.REQUEST, mistaken))
    found = diagnose(Case(held, evidence, whole), Known())
    assert found is not None
    assert found.mistake == "requester-chain-left-out"
    signature = Signature(OWN.sign(replace(signed(held), view=(*before, view[-1]))), OWN.public)
    found = diagnose(Case(held, signature, whole), Known())
    assert found is not None
    assert found.mistake == "requester-chain-left-out"


def test_another_hash_that_is_longer() -> None:
    """Verify data is as long as the negotiated hash, whatever made it."""
    held = session()
    raw = [entry.raw for entry in held.transcript.view]

    class Longer(Careless):
        name = "sha384"

    careless = Longer(0x13, "AES_128_GCM", psk=False)
    th1 = b"".join(raw[:-2])
    made = careless.verify_data(SHARED, th1, b"".join(raw))
    case = Case(held, VerifyData(made[:32]), held.transcript.view)
    found = diagnose(case, Known())
    assert found is not None
    assert found.mistake == "hash-sha-384"


def test_without_the_shared_secret_nothing_is_said() -> None:
    held = session(keep=False)
    assert said(held, signed(held)) is None


def test_an_id_of_no_session_is_no_mistake_we_know() -> None:
    assert misread(b"\x01\x02\x03\x04", {1}) is None
    assert misread(b"\x01", {1}) is None
    assert misread(b"\x01\x02\x03\x04", ()) is None


def test_an_error_brings_its_case() -> None:
    held = session()
    case = Case(held, VerifyData(bytes(32)), held.transcript.view)
    error = UnprovenError("wrong", case)
    assert (str(error), error.case, error.code) == ("wrong", case, 6)
