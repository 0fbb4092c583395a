"""What vendor-defined messages of PCI-SIG are said to mean."""

import struct

import pytest
from keying import ide

from emulator.report.meaning import meaning
from emulator.report.pci_meaning import pci_meaning
from emulator.spdm.messages import VendorDefinedRequest

STREAMS = "link stream 64 Insecure, selective stream 0 Insecure"
LINES = [
    (b"\0\0\0\1", "IDE_KM QUERY: port 1"),
    (
        b"\0\1\0\1\x08\x2a\1\7" + struct.pack(f"<{12}I", *ide().ports[0].registers()),
        f"IDE_KM QUERY_RESP: port 1 of 7, function 2a:01.0, {STREAMS}",
    ),
    (
        b"\0\2\0\0\5\0\x12\1" + bytes(32) + b"\0\0\0\0\1\0\0\0",
        "IDE_KM KEY_PROG: port 1, stream 5, K0 TX NPR, 40 bytes: a key, IFV 1",
    ),
    (
        b"\0\2\0\0\5\0\x12\1" + bytes(8),
        "IDE_KM KEY_PROG: port 1, stream 5, K0 TX NPR, 8 bytes: no whole key",
    ),
    (
        b"\0\2\0\0\5\0\x12\1",
        "IDE_KM KEY_PROG: port 1, stream 5, K0 TX NPR, 0 bytes: no whole key",
    ),
    (
        b"\0\3\0\0\0\2\x21\x63",
        "IDE_KM KP_ACK: port 99, stream 0, K1 RX CPL: UNSUPPORTED_PORT_INDEX",
    ),
    (b"\0\3\0\0\0\x09\x35\0", "IDE_KM KP_ACK: port 0, stream 0, key 0x35: status 9"),
    (b"\0\4\0\0\0\0\x02\0", "IDE_KM K_SET_GO: port 0, stream 0, K0 TX PR"),
    (b"\0\5\0\0\0\0\x03\0", "IDE_KM K_SET_STOP: port 0, stream 0, K1 TX PR"),
    (b"\0\6\0\0\0\0\x03\0", "IDE_KM K_SET_GOSTOP_ACK: port 0, stream 0, K1 TX PR"),
    (b"\0\x07abc", "IDE_KM object 7"),
    (b"\0", "IDE_KM without an object"),
    (b"\0\4\0", "broken"),
    (b"\0\1\0\1\x08\x2a\1\7abcd", "broken"),
    (b"\x63abc", ""),
    (b"", ""),
]


@pytest.mark.parametrize(("payload", "line"), LINES)
def test_a_line_for_each_object(payload: bytes, line: str) -> None:
    assert pci_meaning(payload) == line


def test_no_key_is_ever_shown() -> None:
    payload = b"\0\2\0\0\0\0\0\0" + b"secret key bytes" * 2 + b"\0\0\0\0\1\0\0\0"
    assert "secret" not in pci_meaning(payload)
    assert b"secret".hex() not in pci_meaning(payload)


def test_a_secure_stream_is_said_to_be_so() -> None:
    registers = list(ide().ports[0].registers())
    registers[6] = 2
    raw = b"\0\1\0\0\0\0\0\0" + struct.pack("<12I", *registers)
    assert pci_meaning(raw).endswith("selective stream 0 Secure")


def test_vendor_defined_messages_say_it() -> None:
    def line(payload: bytes, *, vendor: bytes = b"\1\0") -> str:
        return meaning(
            VendorDefinedRequest(version=0x13, standard=3, vendor=vendor, payload=payload)
        )

    assert line(b"\0\0\0\1") == "IDE_KM QUERY: port 1"
    assert line(b"\x63abc") == "standard 3, vendor 0100: 4 bytes"
    assert line(b"\0\0\0\1", vendor=b"\2\0") == "standard 3, vendor 0200: 4 bytes"
