"""What a conversation's messages are said to mean."""

import re

import pytest
from asking import ROOTS, Host, patched
from chains import AT
from devices import (
    challenge,
    error,
    get_certificate,
    get_measurements,
    negotiate_algorithms,
    vendor_request,
)

from emulator.report import Conversation, Told
from emulator.report.meaning import meaning
from emulator.requester import Direction, Offer, attest
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.error_codes import ERRORS
from emulator.spdm.messages import LAYOUTS, Algorithms, Capabilities
from emulator.spdm.versions import Version
from emulator.wire import Message, Shape, annotate, encode

SUMMARISE = "slot 0: sign this nonce, and summarise the measurements"
REQUEST, REPLY = Direction.REQUEST, Direction.REPLY

EVERYTHING = (
    "RSASSA_2048, RSAPSS_2048, RSASSA_3072, RSAPSS_3072, ECDSA_P256, RSASSA_4096, RSAPSS_4096,"
    " ECDSA_P384, ECDSA_P521, EDDSA_25519, EDDSA_448"
    " / SHA_256, SHA_384, SHA_512, SHA3_256, SHA3_384, SHA3_512"
)


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])
def test_an_attestation_told_line_by_line(version: Version) -> None:
    conversation = Conversation()
    lines: list[Told] = []

    def observer(direction: Direction, raw: bytes) -> None:
        lines.append(conversation.tell(direction, raw))

    host = Host(offer=Offer(versions=(version,)), observer=observer)
    assert host.run(attest(host.requester, trust=ROOTS, at=AT)).ok
    size = 8 if version >= Version.V1_3 else 0
    assert [(str(line.direction), line.name, line.size, line.meaning) for line in lines] == [
        ("request", "GET_VERSION", 4, "which versions do you speak?"),
        ("reply", "VERSION", 10, "1.2, 1.3"),
        ("request", "GET_CAPABILITIES", 20, "no flags; up to 4600 bytes"),
        ("reply", "CAPABILITIES", 20, "CERT, CHAL, MEAS_SIG, MEAS_FRESH; up to 4600 bytes"),
        ("request", "NEGOTIATE_ALGORITHMS", 32, EVERYTHING),
        ("reply", "ALGORITHMS", 36, "ECDSA_P384 / SHA_384 / measurements SHA_384"),
        ("request", "GET_DIGESTS", 4, "what is the hash of each chain?"),
        ("reply", "DIGESTS", 100, "slots 0, 2"),
        ("request", "GET_CERTIFICATE", 8, "slot 0: 4592 bytes from 0 on"),
        ("reply", "CERTIFICATE", 1804, "slot 0: 1796 bytes, 0 left"),
        ("request", "CHALLENGE", 36 + size, SUMMARISE),
        ("reply", "CHALLENGE_AUTH", 230 + size, "slot 0: signed, 96 bytes"),
        ("request", "GET_MEASUREMENTS", 4 + size, "how many?"),
        ("reply", "MEASUREMENTS", 42 + size, "5 in all, not signed"),
        ("request", "GET_MEASUREMENTS", 37 + size, "all, signed by slot 0"),
        ("reply", "MEASUREMENTS", 335 + size, "5 of them in 197 bytes, signed, 96 bytes"),
    ]  # fmt: skip
    # The shape that goes with each line is the one its bytes have.
    for line in lines:
        assert line.layout is not None
        spans = annotate(line.layout, line.raw, line.shape)
        assert spans[-1].end == line.size
        assert not any(span.name.startswith("(") for span in spans)


def tell(*messages: tuple[Direction, bytes]) -> Told:
    """The last of these messages, told after the others."""
    conversation = Conversation()
    lines = [conversation.tell(*message) for message in messages]
    return lines[-1]


def algorithms(asym: int = 0x80, base_hash: int = 0x02) -> tuple[Direction, bytes]:
    """ALGORITHMS that selects these bits."""
    message = Algorithms(version=0x13, length=36, base_asym=asym, base_hash=base_hash)
    return REPLY, encode(message, Shape(0x13))


CHALLENGE_AUTH = bytes((0x13, 0x03, 0, 1)) + bytes(48 + 32 + 2 + 8 + 96)


@pytest.mark.parametrize(
    ("raw", "name", "meaning"),
    [
        (b"", "(no message)", ""),
        (b"\x13\x81", "(no message)", "1381"),
        (bytes.fromhex("13aa0102"), "0xaa", "13aa0102"),
        (
            error(0x13, 0x0D, 7),
            "ERROR",
            f"RESPONSE_TOO_LARGE (0x0d), data 7: {ERRORS[ErrorCode.RESPONSE_TOO_LARGE].says}",
        ),
        (bytes.fromhex("13010001"), "DIGESTS", "slots 0"),
        (bytes.fromhex("1302000005000000"), "CERTIFICATE", "Certificate.portion at byte 8: .*"),
        (get_certificate(slot=2, param2=1), "GET_CERTIFICATE", "slot 2: how large is it\\?"),
        (get_certificate(0x12, param2=1), "GET_CERTIFICATE", "slot 0: 65535 bytes from 0 on"),
        (
            bytes.fromhex("1482820000000000 00000100 ffff0100"),
            "GET_CERTIFICATE",
            "slot 2: 131071 bytes from 65536 on",
        ),
        (
            bytes.fromhex("1402820000000000 01000000 00000100 aa"),
            "CERTIFICATE",
            "slot 2: 1 bytes, 65536 left",
        ),
        (get_measurements(operation=7, attributes=2), "GET_MEASUREMENTS", "index 7, raw"),
        (get_measurements(attributes=4), "GET_MEASUREMENTS", "all, as they will be"),
        (
            vendor_request(payload=b"abc"),
            "VENDOR_DEFINED_REQUEST",
            "standard 3, vendor 0100: 3 bytes",
        ),
        (
            patched(vendor_request(vendor=b"", standard=0), 1, 0x7E),
            "VENDOR_DEFINED_RESPONSE",
            r"standard 0, vendor \(none\): 0 bytes",
        ),
        (
            negotiate_algorithms(asym=0, base_hash=0),
            "NEGOTIATE_ALGORITHMS",
            "no signatures / no hash",
        ),
        (
            patched(negotiate_algorithms(asym=0x1010), 16, b"\x00\x01"),
            "NEGOTIATE_ALGORITHMS",
            "ECDSA_P256, 0x1000 / SHA_256, SHA_384",
        ),
        (
            negotiate_algorithms(
                asym=0x80, base_hash=2, structures=(b"\x02\x20\x10\0", b"\x04\x20\x90\0")
            ),
            "NEGOTIATE_ALGORITHMS",
            "ECDSA_P384 / SHA_384 / SECP_384_R1 / requester ECDSA_P256, ECDSA_P384",
        ),
    ],
)
def test_single_messages(raw: bytes, name: str, meaning: str) -> None:
    line = tell((REQUEST, raw))
    assert line.name == name
    assert re.fullmatch(meaning.replace("(0x", r"\(0x").replace("d),", r"d\),"), line.meaning)
    assert line.raw == raw


def test_what_was_asked_decides_how_a_reply_is_read() -> None:
    plain = (REQUEST, challenge())
    summarising = (REQUEST, challenge(summary=0xFF))
    measuring = encode(Capabilities(version=0x13, flags=Cap.MEAS_SIG), Shape(0x13))
    answer = (REPLY, CHALLENGE_AUTH)
    assert tell(algorithms(), plain, answer).meaning == "slot 0: signed, 96 bytes"
    # Without MEAS there is no summary, whatever was asked for.
    assert tell(algorithms(), summarising, answer).meaning == "slot 0: signed, 96 bytes"
    short = tell((REPLY, measuring), algorithms(), summarising, answer)
    assert "ChallengeAuth" in short.meaning
    with_summary = (REPLY, CHALLENGE_AUTH + bytes(48))
    found = tell((REPLY, measuring), algorithms(), summarising, with_summary)
    assert found.meaning == "slot 0: signed, 96 bytes"


def test_a_selection_nobody_knows_has_no_size() -> None:
    line = tell(
        algorithms(asym=0x90, base_hash=0x4000), (REQUEST, challenge()), (REPLY, CHALLENGE_AUTH)
    )
    assert line.meaning == "slot 0: not signed"


def test_every_layout_has_a_meaning() -> None:
    for layout in LAYOUTS.values():
        assert meaning.dispatch(layout) is not meaning.dispatch(Message), layout.__name__


def test_a_message_of_another_kind_has_none() -> None:
    assert meaning(Message(version=0x13)) == ""
