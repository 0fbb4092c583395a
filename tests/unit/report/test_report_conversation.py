"""What a conversation's messages are said to mean."""

import pytest
from asking import ROOTS, Host, patched
from chains import AT
from devices import device, error, get_measurements, negotiate_algorithms, vendor_request

from emulator.report import Conversation, Told
from emulator.requester import Direction, Offer, attest
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import LAYOUTS, Algorithms, NegotiateAlgorithms
from emulator.spdm.versions import Version
from emulator.wire import Message, annotate

REQUEST, REPLY = Direction.REQUEST, Direction.REPLY


def told(host: Host, *, one_by_one: bool = False) -> list[Told]:
    """An attestation, message by message."""
    conversation = Conversation()
    lines: list[Told] = []
    follower = Host(host.given, offer=host.requester.offer, observer=lambda direction, raw:
                    lines.append(conversation.tell(direction, raw)))
    return lines


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])
def test_an_attestation_told_line_by_line(version: Version) -> None:
    conversation, lines = Conversation(), []

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
        ("request", "NEGOTIATE_ALGORITHMS", 32, "ECDSA_P256, ECDSA_P384 / SHA_256, SHA_384"),
        ("reply", "ALGORITHMS", 36, "ECDSA_P384 / SHA_384 / measurements SHA_384"),
        ("request", "GET_DIGESTS", 4, "what is the hash of each chain?"),
        ("reply", "DIGESTS", 100, "slots 0, 2"),
        ("request", "GET_CERTIFICATE", 8, "slot 0: 4592 bytes from 0 on"),
        ("reply", "CERTIFICATE", 1804, "slot 0: 1796 bytes, 0 left"),
        ("request", "CHALLENGE", 36 + size, "slot 0: sign this nonce, and summarise the measurements"),
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
