"""What the messages of provisioning are said to mean."""

import pytest

from emulator.report.meaning import meaning
from emulator.spdm.messages import (
    Csr,
    GetCsr,
    GetKeyPairInfo,
    KeyPairInfo,
    SetCertificate,
    SetCertificateRsp,
    SetKeyPairInfo,
    SetKeyPairInfoAck,
)
from emulator.spdm.messages.provisioning import KeyPairOperation
from emulator.wire import Message

OLD, NEW = 0x12, 0x13
WANTED = bytes.fromhex("00 0300 10000000 11")

LINES: list[tuple[Message, str]] = [
    (GetCsr(version=OLD, attributes=0xFF), "a certificate signing request"),
    (
        GetCsr(version=NEW, key_pair_id=2, attributes=0x8B),
        (
            "a certificate signing request for key pair 2, a certificate of model generic,"
            " the one of tag 1, and none of those that wait"
        ),
    ),
    (Csr(version=NEW, csr=b"csr"), "3 bytes"),
    (SetCertificate(version=OLD, attributes=0xF1, chain=b"abc"), "slot 1: install 3 bytes"),
    (
        SetCertificate(version=NEW, attributes=0x11, key_pair_id=1, chain=b"abc"),
        "slot 1: install 3 bytes for key pair 1, a certificate of model device",
    ),
    (SetCertificate(version=NEW, attributes=0x84), "slot 4: empty it"),
    (SetCertificateRsp(version=NEW, slot=4), "slot 4 is as asked"),
    (GetKeyPairInfo(version=NEW, key_pair_id=7), "what is key pair 7?"),
    (
        KeyPairInfo(
            version=NEW,
            total_key_pairs=3,
            key_pair_id=1,
            capabilities=0,
            usage_capabilities=1,
            usage=1,
            asym_capabilities=0x18,
            asym=0x10,
            slots=0x11,
        ),
        "key pair 1 of 3: ECDSA_P384, slots 0, 4",
    ),
    (
        SetKeyPairInfo(version=NEW, operation=KeyPairOperation.ERASE, key_pair_id=1),
        "key pair 1: erase the key",
    ),
    (
        SetKeyPairInfo(
            version=NEW, operation=KeyPairOperation.GENERATE, key_pair_id=1, wanted=WANTED
        ),
        "key pair 1: generate a key, ECDSA_P384, for KEY_EX, CHALLENGE, slots 0, 4",
    ),
    (
        SetKeyPairInfo(version=NEW, operation=0, key_pair_id=1, wanted=WANTED[:7] + b"\0"),
        "key pair 1: change it, ECDSA_P384, for KEY_EX, CHALLENGE, no slot",
    ),
    (SetKeyPairInfo(version=NEW, operation=0, key_pair_id=1, wanted=b""), "key pair 1"),
    (SetKeyPairInfoAck(version=NEW), "the key pair is as asked"),
]


@pytest.mark.parametrize(("message", "line"), LINES, ids=lambda value: type(value).__name__)
def test_what_a_message_means(message: Message, line: str) -> None:
    assert meaning(message) == line
