"""DICE's TcbInfo, against bytes written out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.crypto import der
from emulator.crypto.tcb import HASH_OIDS, Fwid, TcbInfo, read_tcb_info
from emulator.errors import PkiError

SHA_256 = "06 09 60 86 48 01 65 03 04 02 01"
WHOLE = TcbInfo(
    vendor="ACME",
    model="M1",
    version="1.0",
    svn=200,
    layer=0,
    index=1,
    fwids=(Fwid("SHA_256", b"\xaa" * 4), Fwid("1.2.3", b"")),
)
BYTES = bytes.fromhex(
    "30 36 80 04 41434d45 81 02 4d31 82 03 312e30 83 02 00c8 84 01 00 85 01 01"
    f"a6 1b 30 11 {SHA_256} 04 04 aaaaaaaa 30 06 06 02 2a03 04 00"
)


def test_the_fields_lie_as_the_standard_says() -> None:
    assert WHOLE.to_der() == BYTES
    assert read_tcb_info(BYTES) == WHOLE


def test_nothing_has_to_be_there() -> None:
    assert TcbInfo().to_der() == b"\x30\x00"
    assert read_tcb_info(b"\x30\x00") == TcbInfo()
    assert TcbInfo().lines() == ["of nothing named"]


def test_it_is_told_in_lines_and_in_json() -> None:
    assert WHOLE.lines() == [
        "vendor ACME, model M1, version 1.0, svn 200, layer 0, index 1",
        "SHA_256 aaaaaaaa",
        "1.2.3 ",
    ]
    assert WHOLE.to_json()["fwids"][0] == {"hash": "SHA_256", "digest": "aaaaaaaa"}
    assert TcbInfo(svn=0).to_json() == {"svn": 0, "fwids": []}


def test_what_follows_the_digests_is_read_over() -> None:
    more = der.encode(der.SEQUENCE, bytes.fromhex("80 01 41 87 02 0780 88 01 00 8a 02 0000"))
    assert read_tcb_info(more) == TcbInfo(vendor="A")


NUMBERS = st.none() | st.integers(-(2**80), 2**80)
TEXTS = st.none() | st.text(max_size=300)


@given(
    st.builds(
        TcbInfo,
        vendor=TEXTS,
        model=TEXTS,
        version=TEXTS,
        svn=NUMBERS,
        layer=NUMBERS,
        index=NUMBERS,
        fwids=st.lists(
            st.builds(Fwid, st.sampled_from(list(HASH_OIDS)), st.binary(max_size=64)), max_size=4
        ).map(tuple),
    )
)
def test_any_values_come_back(info: TcbInfo) -> None:
    assert read_tcb_info(info.to_der()) == info


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "too few"),
        ("31 00", "TcbInfo is not one SEQUENCE"),
        ("30 00 00", "TcbInfo is not one SEQUENCE"),
        ("30 03 80 01 ff", "TcbInfo vendor is not UTF-8: ff"),
        ("30 04 a6 02 30 00", "no hash algorithm and digest"),
        ("30 04 a6 02 31 00", "no hash algorithm and digest"),
        ("30 08 a6 06 30 04 06 00 04 00", "not an object identifier"),
        ("30 03 80 05 41", "says"),
    ],
)
def test_what_cannot_be_read(value: str, reason: str) -> None:
    with pytest.raises(PkiError, match=reason):
        read_tcb_info(bytes.fromhex(value))
