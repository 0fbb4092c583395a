"""Key logs, written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import KeyLogError
from emulator.spdm.keylog import KNOWN, identifier, read_keylog, write_line
from emulator.spdm.messages import KeyExchange, PskExchange


@given(
    st.lists(
        st.tuples(st.sampled_from(KNOWN), st.binary(max_size=32), st.binary(min_size=1, max_size=8))
    )
)
def test_what_is_written_is_read(rows: list[tuple[str, bytes, bytes]]) -> None:
    expected: dict[bytes, dict[str, bytes]] = {}
    for label, session, secret in rows:
        expected.setdefault(session, {})[label] = secret
    text = "".join(write_line(*row) for row in rows)
    assert read_keylog("keys", text) == expected


def test_a_line() -> None:
    assert write_line("REQUEST_DATA", b"\x01\x02", b"\xab") == "REQUEST_DATA 0102 ab\n"
    assert write_line("REQUEST_DATA", b"", b"\xab") == "REQUEST_DATA - ab\n"
    assert read_keylog("keys", "\n# remark\n  REQUEST_DATA\t- AB \n") == {
        b"": {"REQUEST_DATA": b"\xab"}
    }


def test_a_session_is_called_by_what_made_it_new() -> None:
    asked = KeyExchange(version=0x12, slot=0, session_id=1, random=b"r" * 32, exchange_data=b"")
    assert identifier(asked) == b"r" * 32
    assert identifier(PskExchange(version=0x12, session_id=1, context=b"c")) == b"c"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("REQUEST_DATA 00", "keys:1: 2 fields where 3 are needed"),
        ("\nREQUEST_DATA 00 11 22", "keys:2: 4 fields where 3 are needed"),
        ("DATA 00 11", "keys:1: found label 'DATA'; expected one of REQUEST_HANDSHAKE, "),
        ("REQUEST_DATA xx 11", "keys:1: found 'xx'; expected pairs of hexadecimal digits"),
        ("REQUEST_DATA 00 111", "keys:1: found '111'; expected pairs of hexadecimal digits"),
    ],
)
def test_what_is_no_key_log(text: str, reason: str) -> None:
    with pytest.raises(KeyLogError) as failure:
        read_keylog("keys", text)
    assert str(failure.value).startswith(reason)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_keylog("keys", text)
    except KeyLogError:
        return
