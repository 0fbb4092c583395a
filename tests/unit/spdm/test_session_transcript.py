"""Which messages a session's transcripts hold, in which order."""

from emulator.crypto import hashes
from emulator.spdm.session_transcript import SessionTranscript, digest
from emulator.spdm.transcript import Entry, differ

NEGOTIATION = (Entry(b"\x10\x84\0\0"), Entry(b"\x10\x04"))
DIGESTS = (Entry(b"\x13\x01\0\1digests"),)


def names(transcript: SessionTranscript) -> list[str]:
    return [entry.name for entry in transcript.view]


def test_a_key_exchange_with_mutual_authentication() -> None:
    transcript = SessionTranscript(NEGOTIATION, digests=DIGESTS, chain_hash=b"chain")
    transcript.exchange(b"\x13\xe4ask", b"\x13\x64answer")
    transcript.sign_exchange(b"s1")
    th1 = transcript.digest("SHA_256")
    transcript.verify_exchange(b"v1")
    transcript.authenticate(b"mine", digests=(Entry(b"\x13\x01\0\1own"),))
    transcript.finish(b"\x13\xe5\1\0")
    transcript.sign_finish(b"s2")
    transcript.verify_finish(b"v2")
    transcript.finish(b"\x13\x65\0\0")
    transcript.verify_finish(b"v3")
    assert names(transcript) == [
        *("GET_VERSION", "VERSION", "DIGESTS", "hash of the responder's chain"),
        *("KEY_EXCHANGE", "KEY_EXCHANGE_RSP", "signature", "verify data"),
        *("DIGESTS", "hash of the requester's chain", "FINISH", "signature", "verify data"),
        *("FINISH_RSP", "verify data"),
    ]
    raw = b"".join(entry.raw for entry in transcript.view)
    assert transcript.digest("SHA_256") == hashes.digest("SHA_256", raw)
    first = raw[: raw.index(b"s1") + 2]
    assert th1 == hashes.digest("SHA_256", first)


def test_a_pre_shared_key_has_no_chain() -> None:
    transcript = SessionTranscript(NEGOTIATION)
    transcript.exchange(b"\x13\xe6ask", b"\x13\x66answer")
    transcript.verify_exchange(b"v1")
    assert names(transcript) == [
        *("GET_VERSION", "VERSION", "PSK_EXCHANGE", "PSK_EXCHANGE_RSP", "verify data")
    ]


def test_where_two_differ_is_told_by_what_stands_there() -> None:
    with_chain = SessionTranscript(NEGOTIATION, chain_hash=b"\xaa\xe4").view
    without = SessionTranscript(NEGOTIATION, digests=DIGESTS, chain_hash=b"\xaa\xe4").view
    assert differ(with_chain, without) == (
        "message 2 (hash of the responder's chain against DIGESTS) at byte 0"
    )
    assert digest("SHA_256", with_chain) != digest("SHA_256", without)
