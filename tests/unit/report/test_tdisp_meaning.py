"""What TDISP's and CXL's messages are said to mean."""

import struct

import pytest
from cxl import RX, TX, configuration, key_prog, of_key, te_state, tsp, tsp_error
from tdisp import (
    BIND,
    GET_CAPABILITIES,
    GET_REPORT,
    GET_STATE,
    LOCK,
    SET_ATTRIBUTE,
    START,
    UNBIND,
    VDM,
    error,
    lock_payload,
    range_payload,
    request,
)

from emulator.report.cxl_meaning import cxl_meaning
from emulator.report.meaning import meaning
from emulator.report.pci_meaning import pci_meaning
from emulator.spdm.messages import VendorDefinedRequest

OF_TDISP = [
    (request(0x81), "GET_TDISP_VERSION: function 0xbeef"),
    (request(0x01, b"\2\x10\x11"), "TDISP_VERSION: function 0xbeef, 1.0, 1.1"),
    (request(0x01, b"\0"), "TDISP_VERSION: function 0xbeef, no version"),
    (request(GET_CAPABILITIES, bytes(4)), "GET_TDISP_CAPABILITIES: function 0xbeef"),
    (
        request(0x02, bytes(4) + b"\xfe\x0f" + bytes(14) + b"\5\0" + bytes(3) + b"\x34\1\1"),
        "TDISP_CAPABILITIES: function 0xbeef, 11 requests, lock flags NO_FW_UPDATE LOCK_MSIX",
    ),
    (
        request(LOCK, lock_payload(flags=8, stream=7)),
        "LOCK_INTERFACE: function 0xbeef, stream 7, BIND_P2P",
    ),
    (request(LOCK, lock_payload()), "LOCK_INTERFACE: function 0xbeef, stream 0, none"),
    (request(0x03, bytes(32)), "LOCK_INTERFACE_RESPONSE: function 0xbeef"),
    (
        request(GET_REPORT, b"\2\0\xff\xff"),
        "GET_DEVICE_INTERFACE_REPORT: function 0xbeef, 65535 bytes from 2 on",
    ),
    (
        request(0x04, b"\3\0\4\0abc"),
        "DEVICE_INTERFACE_REPORT: function 0xbeef, 3 bytes, 4 left",
    ),
    (request(GET_STATE, function=0x1420100), "GET_DEVICE_INTERFACE_STATE: function 0x1420100"),
    (request(0x05, b"\2"), "DEVICE_INTERFACE_STATE: function 0xbeef, RUN"),
    (request(0x05, b"\4"), "DEVICE_INTERFACE_STATE: function 0xbeef, state 4"),
    (request(START, b"s" * 32), "START_INTERFACE: function 0xbeef"),
    (request(BIND, b"\7"), "BIND_P2P_STREAM: function 0xbeef, stream 7"),
    (request(UNBIND, b"\7"), "UNBIND_P2P_STREAM: function 0xbeef, stream 7"),
    (
        request(SET_ATTRIBUTE, range_payload(0x10, 4, 4, 2)),
        "SET_MMIO_ATTRIBUTE: function 0xbeef, 4 pages from page 0x10 on: for all",
    ),
    (
        request(SET_ATTRIBUTE, range_payload(0x10, 4, 0, 2)),
        "SET_MMIO_ATTRIBUTE: function 0xbeef, 4 pages from page 0x10 on: for the tenant alone",
    ),
    (request(VDM, b"\0\2\x86\x80abc"), "VDM: function 0xbeef, PCI-SIG vendor 8680: 3 bytes"),
    (request(0x0B, b"\1\0"), "VDM_RESPONSE: function 0xbeef, CXL vendor (none): 0 bytes"),
    (request(VDM, b"\2\0"), "VDM: function 0xbeef, registry 2 vendor (none): 0 bytes"),
    (error(0x102), "TDISP_ERROR: function 0xbeef, INVALID_NONCE (0x102), data 0"),
    (error(0x999, 5), "TDISP_ERROR: function 0xbeef, an unknown error (0x999), data 5"),
    (request(0x20), "message 32"),
    (b"\x10", "without a message"),
]

OF_IDE = [
    (b"\0\0\1", "QUERY: port 1"),
    (b"\1\0\1\0\0\0\7\x41", "QUERY_RESP: port 1 of 7, capabilities 0x41"),
    (key_prog(RX, b"s" * 32), "KEY_PROG: port 0, RX"),
    (of_key(3, TX, port=2), "KP_ACK: port 2, TX: SUCCESS"),
    (of_key(3, TX, status=1), "KP_ACK: port 0, TX: INVALID"),
    (of_key(3, TX, status=9), "KP_ACK: port 0, TX: status 9"),
    (of_key(4, TX), "K_SET_GO: port 0, TX"),
    (of_key(7, RX), "GET_KEY: port 0, RX"),
    (of_key(8, RX) + b"s" * 44, "GET_KEY_ACK: port 0, RX"),
    (b"\x09", "object 9"),
    (b"", "without an object"),
]

OF_TSP = [
    (tsp(0x81), "GET_TARGET_TSP_VERSION"),
    (tsp(0x01, b"\0\0\1\x10"), "GET_TARGET_TSP_VERSION_RSP"),
    (configuration(keys=b"s" * 32), "SET_TARGET_CONFIGURATION: keys of 1 secondary session"),
    (configuration(validity=3), "SET_TARGET_CONFIGURATION: keys of 2 secondary sessions"),
    (
        b"\x10\4" + bytes(0x22) + b"\1" + bytes(0xB),
        "broken",
    ),
    (
        b"\x10\4" + bytes(0x22) + b"\1" + bytes(0xB + 0x90),
        "GET_TARGET_CONFIGURATION_RSP: CONFIG_LOCKED",
    ),
    (
        b"\x10\4" + bytes(0x22) + b"\7" + bytes(0xB + 0x90),
        "GET_TARGET_CONFIGURATION_RSP: state 7",
    ),
    (
        b"\x10\5\0\0" + struct.pack("<HH", 2, 9) + b"ab",
        "GET_TARGET_CONFIGURATION_REPORT_RSP: 2 bytes, 9 left",
    ),
    (te_state(1, (0, 64)), "SET_TARGET_TE_STATE: 1 range for tenants alone"),
    (te_state(0, (0, 64), (64, 64)), "SET_TARGET_TE_STATE: 2 ranges for all"),
    (tsp_error(7), "ERROR_RSP: NO_PRIVILEGE (0x7)"),
    (tsp_error(0x99), "ERROR_RSP: an unknown error (0x99)"),
    (tsp(0x8E), "opcode 142"),
    (b"", "without a message"),
]


@pytest.mark.parametrize(("raw", "line"), OF_TDISP)
def test_tdisp(raw: bytes, line: str) -> None:
    assert pci_meaning(b"\1" + raw) == f"TDISP {line}"


@pytest.mark.parametrize(("raw", "line"), OF_IDE)
def test_cxl_ide_km(raw: bytes, line: str) -> None:
    assert cxl_meaning(b"\0" + raw) == f"CXL IDE_KM {line}"


@pytest.mark.parametrize(("raw", "line"), OF_TSP)
def test_cxl_tsp(raw: bytes, line: str) -> None:
    assert cxl_meaning(b"\1" + raw) == ("broken" if line == "broken" else f"CXL TSP {line}")


def test_what_is_broken_or_unknown() -> None:
    assert pci_meaning(b"\1" + request(LOCK)) == "broken"
    assert cxl_meaning(b"\0" + of_key(4, RX)[:5]) == "broken"
    assert cxl_meaning(b"\2abc") == ""
    assert cxl_meaning(b"") == ""


def test_the_line_of_a_message() -> None:
    def said(vendor: bytes, payload: bytes) -> str:
        return meaning(
            VendorDefinedRequest(version=0x13, standard=3, vendor=vendor, payload=payload)
        )

    assert said(b"\x98\x1e", b"\1" + tsp(0x86)) == "CXL TSP LOCK_TARGET_CONFIGURATION"
    assert said(b"\x98\x1e", b"\2") == "standard 3, vendor 981e: 1 bytes"
    assert said(b"\1\0", b"\1" + request(0x87)) == "TDISP STOP_INTERFACE: function 0xbeef"
