import hashlib

import pytest

from emulator.spdm import signing
from emulator.spdm.signing import ToSign, combined_prefix
from emulator.spdm.transcript import Entry

# Four times 16 bytes, the zeros that libspdm_create_signing_context puts in, the context.
CHALLENGE_1_2 = bytes.fromhex(
    "646d74662d7370646d2d76312e322e2a"
    "646d74662d7370646d2d76312e322e2a"
    "646d74662d7370646d2d76312e322e2a"
    "646d74662d7370646d2d76312e322e2a"
    "00000000"
    "726573706f6e6465722d6368616c6c656e67655f61757468207369676e696e67"
)
VIEW = (Entry(b"one"), Entry(b"two"))


def test_the_prefix_is_the_known_hundred_bytes() -> None:
    assert len(CHALLENGE_1_2) == 100
    assert combined_prefix(0x12, signing.CHALLENGE_AUTH) == CHALLENGE_1_2


@pytest.mark.parametrize(("version", "text"), [(0x12, b"1.2"), (0x13, b"1.3")])
@pytest.mark.parametrize(
    ("context", "zeros"),
    [
        ("responder-challenge_auth signing", 4),
        ("responder-measurements signing", 6),
        ("responder-key_exchange_rsp signing", 2),
        ("requester-finish signing", 12),
    ],
)
def test_every_prefix_has_a_hundred_bytes(
    version: int, text: bytes, context: str, zeros: int
) -> None:
    expected = (b"dmtf-spdm-v" + text + b".*") * 4 + bytes(zeros) + context.encode()
    assert len(expected) == 100
    assert combined_prefix(version, context) == expected


def test_contexts_are_the_headers() -> None:
    assert signing.CHALLENGE_AUTH == "responder-challenge_auth signing"
    assert signing.MEASUREMENTS == "responder-measurements signing"


@pytest.mark.parametrize(
    ("name", "function"), [("SHA_256", hashlib.sha256), ("SHA_384", hashlib.sha384)]
)
def test_the_prefix_is_hashed_with_the_transcripts_hash(name: str, function: object) -> None:
    assert callable(function)
    to_sign = ToSign(0x12, signing.CHALLENGE_AUTH, name, VIEW)
    transcript = function(b"onetwo").digest()
    assert to_sign.transcript_hash() == transcript
    assert to_sign.digest() == function(CHALLENGE_1_2 + transcript).digest()


def test_without_the_prefix_the_transcripts_hash_is_signed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to 1.1; none of the versions offered is that old, so the rule is exchanged."""

    class Older:
        signing_prefix = False

    monkeypatch.setattr(signing, "rules", lambda _version: Older)
    to_sign = ToSign(0x11, signing.MEASUREMENTS, "SHA_256", VIEW)
    assert to_sign.digest() == hashlib.sha256(b"onetwo").digest()
