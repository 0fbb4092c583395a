"""Every recorded message outside sessions, read and written again by our layouts.

`LATER` lists what cannot be: once a layout reads one of its rows, the row has to go.
"""

from collections.abc import Iterator

import pytest
from interop import recorded
from interop.recorded import MULTI_KEY, Exchange, Recorded, shape

from emulator.errors import WireError
from emulator.spdm import codes
from emulator.spdm.codes import Code
from emulator.spdm.messages import LAYOUTS
from emulator.spdm.messages.vendor import LARGE_PAYLOAD, VendorDefined
from emulator.transport import doe
from emulator.wire import Shape, decode, encode, parse

pytestmark = pytest.mark.vectors

LATER = {
    "CSR",
    "DIGESTS, multi-key",
    "ENDPOINT_INFO",
    "GET_CSR",
    "GET_ENDPOINT_INFO",
    "GET_KEY_PAIR_INFO",
    "GET_MEASUREMENT_EXTENSION_LOG",
    "KEY_PAIR_INFO",
    "MEASUREMENT_EXTENSION_LOG",
    "SET_CERTIFICATE",
    "SET_CERTIFICATE_RSP",
    "SET_KEY_PAIR_INFO",
    "SET_KEY_PAIR_INFO_ACK",
}
"""What is recorded and has no layout yet, by code and form."""


def name(recording: Recorded, raw: bytes) -> str:
    """What LATER calls a message."""
    told = codes.name(raw[1])
    match raw[1]:
        case Code.DIGESTS if recording.version >= 0x13:
            assert recording.agreed.other_params & MULTI_KEY
            return f"{told}, multi-key"
    return told


def reads(recording: Recorded, raw: bytes, request: bytes, *, slack: int) -> bool:
    """Whether a layout reads the message and writes the same bytes again."""
    layout = LAYOUTS.get(raw[1])
    if layout is None:
        return False
    at = shape(recording, raw, request)
    try:
        message, end = parse(layout, raw, at, slack=slack)
    except WireError:
        return False
    return encode(message, at) == raw[:end] and not any(raw[end:])


def all_messages(
    recording: Recorded, exchanges: list[Exchange], *, slack: int
) -> Iterator[tuple[str, bool]]:
    for request, reply in exchanges:
        for raw in (request, reply):
            read = reads(recording, raw, request, slack=slack)
            yield name(recording, raw), read


def unread(recording: Recorded) -> set[str]:
    """What no layout reads; the same layout reads all of a name or none."""
    found = [
        *all_messages(recording, recording.pieces, slack=doe.PADDING),
        *all_messages(recording, recording.exchanges, slack=0),
    ]
    failed = {told for told, read in found if not read}
    assert not failed & {told for told, read in found if read}
    return failed


@pytest.mark.parametrize("recording", recorded.NAMES)
def test_layouts_read_every_message_but_those_listed(recording: str) -> None:
    assert unread(recorded.read(recording)) <= LATER


def test_nothing_is_listed_that_layouts_read() -> None:
    found = set().union(*(unread(recorded.read(one)) for one in recorded.NAMES))
    assert found == LATER, f"take {sorted(LATER - found)} off the list: layouts read them"


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
