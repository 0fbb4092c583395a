"""What a host holds against replies of TDISP."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tdisp import FUNCTION, request

from emulator.ask import tdisp
from emulator.device.tdi import Request, TdiState
from emulator.errors import BrokenReply, PeerError, TdispRefused
from emulator.vendor.tdisp import messages
from emulator.vendor.tdisp.messages import LAYOUTS

VERSION = messages.GetVersion(version=0x10, function=FUNCTION)
CAPABILITIES = messages.GetCapabilities(version=0x10, function=FUNCTION)
STATE = messages.GetState(version=0x10, function=FUNCTION)
STOP = messages.StopInterface(version=0x10, function=FUNCTION)
SUPPORTED = b"\xfe\x0f" + bytes(14)


def reply(
    code: int, payload: bytes = b"", *, function: int = FUNCTION, version: int = 0x10
) -> bytes:
    return b"\1" + request(code, payload, function=function, version=version)


def refusal(code: int, data: int = 0) -> bytes:
    return reply(0x7F, struct.pack("<II", code, data))


def portion(offset: int, length: int = 0xFFFF) -> messages.GetReport:
    return messages.GetReport(version=0x10, function=FUNCTION, offset=offset, length=length)


def test_requests_are_the_published_layouts() -> None:
    assert tdisp.request(VERSION) == b"\1" + request(0x81)
    assert tdisp.request(portion(2, 3)) == b"\1" + request(0x84, b"\2\0\3\0")


def test_good_replies() -> None:
    assert tdisp.read_versions(VERSION, reply(1, b"\2\x11\x10")) == (0x11, 0x10)
    said = tdisp.read_capabilities(CAPABILITIES, reply(2, bytes(4) + SUPPORTED + bytes(8)))
    assert tdisp.supported(said) == tuple(Request)
    assert tdisp.read_state(STATE, reply(5, b"\2")) is TdiState.RUN
    assert tdisp.read(messages.StopInterfaceResponse, STOP, reply(7)).function == FUNCTION
    assert tdisp.read_portion(portion(0), reply(4, b"\2\0\1\0ab"), None) == tdisp.Portion(b"ab", 1)
    assert tdisp.read_portion(portion(2), reply(4, b"\1\0\0\0c"), 3) == tdisp.Portion(b"c", 0)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"", "protocol"),
        (b"\0" + reply(7)[1:], "protocol"),
        (reply(7)[:2], "message type"),
        (reply(6), "message type"),
        (reply(0x87), "message type"),
        (reply(7)[:-1], "reserved_id"),
        (reply(7, b"\0"), "size"),
        (reply(7, function=FUNCTION + 1), "function"),
        (reply(7, version=0x11), "version"),
        (reply(0x7F), "error_code"),
        (reply(0x7F, bytes(8), function=1), "function"),
    ],
)
def test_a_reply_that_is_none(payload: bytes, field: str) -> None:
    with pytest.raises(BrokenReply) as broken:
        tdisp.read(messages.StopInterfaceResponse, STOP, payload)
    assert broken.value.field == field


def test_an_error_is_told_with_its_name() -> None:
    with pytest.raises(TdispRefused, match=r"INVALID_NONCE \(0x102\), data 7, to STOP_INTERFACE"):
        tdisp.read(messages.StopInterfaceResponse, STOP, refusal(0x102, 7))
    with pytest.raises(TdispRefused, match="an unknown error") as refused:
        tdisp.read(messages.StopInterfaceResponse, STOP, refusal(0x999))
    assert (refused.value.code, refused.value.data) == (0x999, 0)


@pytest.mark.parametrize("entries", [b"\0", b"\1\x11", b"\2\x20\x01"])
def test_versions_without_1_0(entries: bytes) -> None:
    with pytest.raises(BrokenReply, match=r"TDISP_VERSION\.entries"):
        tdisp.read_versions(VERSION, reply(1, entries))


@pytest.mark.parametrize("mask", [b"\xfc", b"\x7e", b"\0"])
def test_capabilities_lack_what_all_must_have(mask: bytes) -> None:
    told = bytes(4) + mask + SUPPORTED[1:] + bytes(8)
    with pytest.raises(BrokenReply, match="messages_supported: found no "):
        tdisp.read_capabilities(CAPABILITIES, reply(2, told))


def test_a_state_there_is_not() -> None:
    with pytest.raises(BrokenReply, match="found 4, expected 0 to 3"):
        tdisp.read_state(STATE, reply(5, b"\4"))


@pytest.mark.parametrize(
    ("asked", "said", "total", "field"),
    [
        (portion(0, 2), b"\3\0\0\0abc", None, "portion_length"),
        (portion(0), b"\0\0\1\0", None, "portion_length"),
        (portion(0), b"\2\0\1\0a", None, "portion"),
        (portion(2), b"\1\0\1\0a", 3, "remainder_length"),
        (portion(2), b"\1\0\0\0a", 4, "remainder_length"),
        (portion(0), b"\1\0\xff\xffa", None, "remainder_length"),
    ],
)
def test_a_portion_that_cannot_be(
    asked: messages.GetReport, said: bytes, total: int | None, field: str
) -> None:
    with pytest.raises(BrokenReply) as broken:
        tdisp.read_portion(asked, reply(4, said), total)
    assert broken.value.field == field


@pytest.mark.parametrize("size", [0, 15, 19, 35])
def test_a_report_that_is_none(size: int) -> None:
    whole = bytes(12) + b"\1\0\0\0" + bytes(16) + b"\1\0\0\0s"
    tdisp.read_report(whole)
    with pytest.raises(BrokenReply):
        tdisp.read_report(whole[:size])
    with pytest.raises(BrokenReply, match="size"):
        tdisp.read_report(whole + b"\0")


@given(payload=st.binary(max_size=80), code=st.sampled_from([*LAYOUTS]))
def test_any_bytes_are_read_or_refused(payload: bytes, code: int) -> None:
    for raw in (payload, reply(code, payload)):
        for read, asked in (
            (tdisp.read_versions, VERSION),
            (tdisp.read_capabilities, CAPABILITIES),
            (tdisp.read_state, STATE),
            (lambda one, raw: tdisp.read_portion(one, raw, None), portion(0)),
        ):
            try:
                read(asked, raw)
            except PeerError:
                continue
        try:
            tdisp.read_report(raw)
        except PeerError:
            continue
