"""Every binding's codec; the bytes are those of libspdm's `spdm_transport_*_lib`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.transport import tcp
from emulator.transport.binding import Binding, BindingError, Kind, Unwrapped
from emulator.transport.bindings import ALL, BY_NAME, BY_NUMBERS
from emulator.transport.doe import DOE, DataObject
from emulator.transport.mctp import MCTP
from emulator.transport.none import NONE
from emulator.transport.tcp import TCP

GET_VERSION = b"\x10\x84\x00\x00"

each = pytest.mark.parametrize("binding", ALL, ids=lambda binding: binding.name)


@pytest.mark.parametrize(
    ("binding", "wrapped"),
    [
        (DOE, "0100 01 00 03000000 10840000"),
        (MCTP, "05 10840000"),
        (TCP, "0600 01 05 10840000"),
        (NONE, "10840000"),
    ],
    ids=lambda value: value.name if isinstance(value, Binding) else "",
)
def test_a_request_as_libspdm_wraps_it(binding: Binding, wrapped: str) -> None:
    assert binding.wrap(GET_VERSION) == bytes.fromhex(wrapped)
    assert binding.unwrap(bytes.fromhex(wrapped)) == Unwrapped(Kind.MESSAGE, GET_VERSION)


def test_the_numbers_of_each() -> None:
    assert {numbers: binding.name for numbers, binding in BY_NUMBERS.items()} == {
        (1, 0): "none",
        (1, 1): "mctp",
        (1, 2): "doe",
        (1, 3): "tcp",
    }
    assert list(BY_NAME) == ["doe", "mctp", "tcp", "none"]
    assert [binding.padding for binding in ALL] == [3, 0, 0, 0]
    assert [binding.largest for binding in ALL] == [(1 << 20) - 8, None, 65533, None]


@each
@given(message=st.binary(min_size=1, max_size=300))
def test_what_is_wrapped_comes_out(binding: Binding, message: bytes) -> None:
    kind, data, refused = binding.unwrap(binding.wrap(message))
    assert (kind, refused) == (Kind.MESSAGE, "")
    assert data[: len(message)] == message
    assert len(data) - len(message) <= binding.padding
    assert not any(data[len(message) :])


@each
@given(payload=st.binary(max_size=64))
def test_any_bytes_are_something_or_a_binding_error(binding: Binding, payload: bytes) -> None:
    try:
        kind, data, _ = binding.unwrap(payload)
    except BindingError:
        return
    assert kind is Kind.OWN or payload.endswith(data)
    assert data


@pytest.mark.parametrize("binding", [DOE, TCP], ids=lambda binding: binding.name)
@given(message=st.binary(min_size=1, max_size=40), data=st.data())
def test_lengths_are_held_against_the_bytes(
    binding: Binding, message: bytes, data: st.DataObject
) -> None:
    wrapped = binding.wrap(message)
    end = data.draw(st.integers(0, len(wrapped) - 1))
    for wrong in (wrapped[:end], wrapped + b"\x00", wrapped + wrapped):
        with pytest.raises(BindingError, match=r"malformed .*bytes") as caught:
            binding.unwrap(wrong)
        assert caught.value.field == "length"


@pytest.mark.parametrize(
    ("binding", "payload"),
    [
        (DOE, DataObject(1, 2, bytes(8)).to_bytes()),
        (MCTP, b"\x06" + bytes(8)),
        (TCP, b"\x0a\x00\x01\x06" + bytes(8)),
    ],
)
def test_secured_messages_are_told_apart(binding: Binding, payload: bytes) -> None:
    assert binding.unwrap(payload) == Unwrapped(Kind.SECURED, bytes(8))


@pytest.mark.parametrize("size", [0, 1])
def test_mctp_needs_a_message_behind_its_type(size: int) -> None:
    with pytest.raises(BindingError, match=f"malformed MCTP message: {size} bytes"):
        MCTP.unwrap(b"\x05"[:size])


@pytest.mark.parametrize("kind", [0x00, 0x04, 0x07, 0x7E, 0x7F, 0x85, 0x86])
def test_other_mctp_types_get_no_answer(kind: int) -> None:
    with pytest.raises(BindingError, match=f"MCTP message of type 0x{kind:02x}"):
        MCTP.unwrap(bytes((kind,)) + GET_VERSION)


def test_an_empty_payload_is_no_message() -> None:
    with pytest.raises(BindingError, match="empty payload"):
        NONE.unwrap(b"")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "malformed TCP message: 0 bytes where a header takes 4"),
        ("060001", "malformed TCP message: 3 bytes"),
        ("06000205 10840000", "TCP binding version 2"),
        ("02000105", "malformed TCP message: a header without a message"),
        ("02000106", "malformed TCP message: a header without a message"),
        ("00000105 10840000", "malformed TCP message: its length says 4 bytes, it has 8"),
        ("01000105", "malformed TCP message: its length says 3 bytes, it has 4"),
        ("000001c0", r"TCP error message 0xc0 \(TOO_LARGE\)"),
        ("020001c3", r"TCP error message 0xc3 \(CANNOT_OPERATE_AS_RESPONDER\)"),
        ("000001ff", "TCP error message 0xff"),
    ],
)
def test_what_gets_no_answer_over_tcp(payload: str, reason: str) -> None:
    with pytest.raises(BindingError, match=reason):
        TCP.unwrap(bytes.fromhex(payload))


@pytest.mark.parametrize("length", ["0000", "0200"])
def test_a_role_inquiry_is_told_that_this_end_is_a_responder(length: str) -> None:
    kind, data, refused = TCP.unwrap(bytes.fromhex(length + "01bf"))
    assert (kind, data) == (Kind.OWN, bytes.fromhex("000001c2"))
    assert refused == "Role-Inquiry: this end is a responder"


@pytest.mark.parametrize("kind", [0x00, 0x04, 0x07, 0xBE])
def test_unknown_tcp_types_are_not_supported(kind: int) -> None:
    expected = Unwrapped(Kind.OWN, bytes.fromhex("000001c1"), f"TCP message of type 0x{kind:02x}")
    assert TCP.unwrap(bytes((6, 0, 1, kind)) + GET_VERSION) == expected


def test_the_length_of_a_message_too_large_for_tcp_lies() -> None:
    largest = TCP.wrap(bytes(65533))
    assert TCP.unwrap(largest).data == bytes(65533)
    with pytest.raises(BindingError, match="its length says"):
        TCP.unwrap(TCP.wrap(bytes(65535)))


def test_control_messages_are_a_header() -> None:
    assert tcp.control(tcp.MessageType.ROLE_INQUIRY) == bytes.fromhex("000001bf")
