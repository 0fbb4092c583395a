"""Every recorded message outside sessions, read and written again by our layouts."""

from collections.abc import Iterator

import pytest
from interop import recorded
from interop.recorded import Exchange, Recorded, shape

from emulator.errors import WireError
from emulator.spdm import codes
from emulator.spdm.codes import Code
from emulator.spdm.messages import LAYOUTS
from emulator.spdm.messages.vendor import LARGE_PAYLOAD, VendorDefined
from emulator.transport import doe
from emulator.wire import Shape, decode, encode, parse

pytestmark = pytest.mark.vectors

LONGER = {Code.KEY_PAIR_INFO: 6}
"""How many zeros DMTF's responder puts behind a message that has ended."""


def reads(recording: Recorded, raw: bytes, request: bytes, *, slack: int) -> bool:
    """Whether a layout reads the message and writes the same bytes again."""
    layout = LAYOUTS.get(raw[1])
    if layout is None:
        return False
    at = shape(recording, raw, request)
    try:
        message, end = parse(layout, raw, at, slack=slack + LONGER.get(Code(raw[1]), 0))
    except WireError:
        return False
    return encode(message, at) == raw[:end] and not any(raw[end:])


def unread(
    recording: Recorded, exchanges: list[Exchange], *, slack: int
) -> Iterator[tuple[str, bytes]]:
    for request, reply in exchanges:
        for raw in (request, reply):
            if not reads(recording, raw, request, slack=slack):
                yield codes.name(raw[1]), raw


@pytest.mark.parametrize("recording", recorded.NAMES)
def test_layouts_read_every_message(recording: str) -> None:
    read = recorded.read(recording)
    assert [*unread(read, read.pieces, slack=doe.PADDING)] == []
    assert [*unread(read, read.exchanges, slack=0)] == []


def test_vendor_messages_in_the_large_form_are_read_and_rebuilt() -> None:
    """They are recorded inside a session, in the clear beside it."""
    seen = set()
    for _, text in recorded.read("v14_default_mutauth_measall").facts["plaintext"]:
        raw = bytes.fromhex(text)[2:]
        layout = LAYOUTS.get(raw[1])
        if layout is None or not issubclass(layout, VendorDefined):
            continue
        message, end = decode(layout, raw, Shape(raw[0]))
        assert message.attributes == LARGE_PAYLOAD
        assert message.large_payload_length == len(message.payload)
        assert encode(message, Shape(raw[0])) == raw[:end]
        assert end == len(raw)
        seen.add(message.code)
    assert seen == {Code.VENDOR_DEFINED_REQUEST, Code.VENDOR_DEFINED_RESPONSE}
