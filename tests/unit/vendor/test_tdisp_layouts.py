"""Every message of TDISP as the C header lays it out, byte by byte."""

import pytest

from emulator.device.tdi import InterfaceInfo, LockFlags, RangeAttributes
from emulator.errors import WireError
from emulator.vendor.tdisp import messages
from emulator.vendor.tdisp.codes import ErrorCode
from emulator.vendor.tdisp.messages import LAYOUTS, SHAPE, Tdisp
from emulator.wire import Structure, encode, parse

NONCE = bytes(range(32))


def head(code: int) -> str:
    """The header, of function 0xBEEF."""
    return f"10 {code:02x} 0000 efbe0000 0000000000000000 "


def of(layout: type[Tdisp], **fields: object) -> Tdisp:
    return layout(version=0x10, function=0xBEEF, **fields)  # type: ignore[arg-type]


SAMPLES: tuple[tuple[Tdisp, str], ...] = (
    (of(messages.GetVersion), ""),
    (of(messages.Versions, entries=b"\x10\x11"), "02 10 11"),
    (of(messages.GetCapabilities, tsm_caps=0x01020304), "04030201"),
    (
        of(
            messages.Capabilities,
            dsm_caps=1,
            messages_supported=b"\xfe\x0f" + bytes(14),
            lock_flags_supported=LockFlags(0x1F),
            address_width=52,
            outstanding_this=1,
            outstanding_all=2,
        ),
        "01000000 fe0f0000000000000000000000000000 1f00 000000 34 01 02",
    ),
    (
        of(
            messages.LockInterface,
            flags=LockFlags.LOCK_MSIX,
            default_stream=7,
            mmio_reporting_offset=0xD0000000,
            bind_p2p_address_mask=0xFFF,
        ),
        "0400 07 00 000000d000000000 ff0f000000000000",
    ),
    (of(messages.LockInterfaceResponse, nonce=NONCE), NONCE.hex()),
    (of(messages.GetReport, offset=0x0102, length=0xFFFF), "0201 ffff"),
    (of(messages.ReportPortion, remainder_length=5, portion=b"abc"), "0300 0500 616263"),
    (of(messages.GetState), ""),
    (of(messages.StateResponse, state=3), "03"),
    (of(messages.StartInterface, nonce=NONCE), NONCE.hex()),
    (of(messages.StartInterfaceResponse), ""),
    (of(messages.StopInterface), ""),
    (of(messages.StopInterfaceResponse), ""),
    (of(messages.BindStream, stream_id=9), "09"),
    (of(messages.BindStreamResponse), ""),
    (of(messages.UnbindStream, stream_id=9), "09"),
    (of(messages.UnbindStreamResponse), ""),
    (
        of(
            messages.SetAttribute,
            first_page=0xD0008,
            pages=4,
            attributes=RangeAttributes.IS_NON_TEE_MEM,
            range_id=2,
        ),
        "08000d0000000000 04000000 0400 0200",
    ),
    (of(messages.SetAttributeResponse), ""),
    (of(messages.VendorRequest, registry=1, vendor=b"\x36\x1b", data=b"hi"), "01 02 361b 6869"),
    (of(messages.VendorResponse, registry=0, vendor=b"\x36\x1b", data=b"ho"), "00 02 361b 686f"),
    (
        of(messages.TdispError, error_code=ErrorCode.INVALID_NONCE, error_data=7, extended=b"e"),
        "02010000 07000000 65",
    ),
)


def test_there_is_a_sample_of_every_message() -> None:
    assert {type(made).CODE for made, _ in SAMPLES} == set(LAYOUTS)


@pytest.mark.parametrize(("made", "rest"), SAMPLES, ids=lambda one: type(one).__name__)
def test_a_message_is_laid_out_as_the_header_says(made: Tdisp, rest: str) -> None:
    raw = bytes.fromhex(head(type(made).CODE) + rest)
    assert encode(made, SHAPE) == raw
    assert parse(type(made), raw, SHAPE) == (made, len(raw))


@pytest.mark.parametrize(("made", "rest"), SAMPLES, ids=lambda one: type(one).__name__)
def test_no_byte_may_be_missing_or_too_many(made: Tdisp, rest: str) -> None:
    raw = bytes.fromhex(head(type(made).CODE) + rest)
    open_ended = type(made).CODE in {0x8B, 0x0B, 0x7F}
    least = len(raw) - (0 if not open_ended else len(getattr(made, "data", b"e")))
    for size in range(least):
        with pytest.raises(WireError):
            parse(type(made), raw[:size], SHAPE)
    if not open_ended:
        with pytest.raises(WireError):
            parse(type(made), raw + b"\0", SHAPE)


def test_the_report() -> None:
    made: Structure = messages.Report(
        info=InterfaceInfo.NO_UPDATE_AFTER_LOCK | InterfaceInfo.DMA_WITHOUT_PASID,
        msi_x_message_control=0x8007,
        lnr_control=0x21,
        tph_control=0x10101,
        ranges=(
            messages.RangeEntry(
                first_page=0x8000,
                pages=4,
                attributes=RangeAttributes.IS_MEM_ATTR_UPDATABLE,
                id=2,
            ),
        ),
        specific=b"info",
    )
    raw = bytes.fromhex(
        "0300 0000 0780 2100 01010100 01000000"
        " 0080000000000000 04000000 0800 0200 04000000 696e666f"
    )
    assert encode(made, SHAPE) == raw
    assert parse(messages.Report, raw, SHAPE) == (made, len(raw))


def test_a_vendors_extended_error_data() -> None:
    made = messages.ExtendedError(registry=1, vendor=b"\x36\x1b", data=b"no")
    assert encode(made, SHAPE) == bytes.fromhex("01 02 361b 6e6f")
