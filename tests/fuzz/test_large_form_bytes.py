"""Any bytes in 1.4's large forms, to the device and to the requester."""

from contextlib import suppress
from functools import cache

from asking import Host
from fuzz.depth import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from unit.answer.test_answer_large_forms import SIZE, large_vendor, portion, talking
from unit.ask.test_ask_large_forms import BOTH, connected

from emulator.ask import CertificateRequest, Portion, Request, SlotSizeRequest, VendorRequest
from emulator.errors import PeerError

flags = st.sampled_from((0x80, 0x81, 0x81, 0x82, 0x8F, 0xF1, 0x01, 0x00))
numbers = st.integers(0, 0xFFFFFFFF) | st.integers(SIZE - 9, SIZE + 9) | st.integers(0, 20)


@fuzzing(200)
@given(flag=flags, attributes=st.integers(0, 3), offset=numbers, length=numbers, cut=st.binary())
def test_a_chain_or_an_error(
    flag: int, attributes: int, offset: int, length: int, cut: bytes
) -> None:
    fields = bytes((0x14, 0x82, flag, attributes)) + bytes(4)
    fields += offset.to_bytes(4, "little") + length.to_bytes(4, "little")
    reply = talking().ask(fields)
    if reply[1] == 0x02 and flag & 0x80:
        data, left = portion(reply)
        begin = 0 if attributes & 1 else offset
        assert len(data) <= length
        assert begin + len(data) + left <= SIZE
    talking().ask(fields[: 4 + len(cut)])


@fuzzing(200)
@given(payload=st.binary(max_size=20), stated=numbers, cut=st.integers(0, 40))
def test_a_payload_or_an_error(payload: bytes, stated: int, cut: int) -> None:
    request = large_vendor(payload)
    at = len(request) - len(payload)
    bent = request[: at - 4] + stated.to_bytes(4, "little") + payload
    peer = talking()
    reply = peer.ask(bent)
    assert reply[1] == (0x7E if len(payload) - 3 <= stated <= len(payload) else 0x7F)
    peer.ask(request[:cut])
    assert peer.good(request)[15:] == payload * 2


@cache
def asked(which: int) -> tuple[Request[object], bytes]:
    """A request in the large form, and a good reply to it."""
    host: Host = connected(BOTH)
    made: list[Request[object]] = [
        CertificateRequest(host.connection, slot=0, offset=0, length=64, total=None),
        SlotSizeRequest(host.connection, slot=1),
        VendorRequest(host.connection, standard=3, vendor=b"\x01\x00", payload=b"ab"),
    ]
    return made[which], host.answer(made[which].raw)


@fuzzing(300)
@given(which=st.integers(0, 2), data=st.data())
def test_bent_replies(which: int, data: st.DataObject) -> None:
    request, reply = asked(which)
    at = data.draw(st.integers(0, len(reply) - 1))
    other = data.draw(st.binary(min_size=1, max_size=4))
    bent = reply[:at] + other + reply[at + len(other) :]
    for size in (len(bent), data.draw(st.integers(0, len(bent)))):
        with suppress(PeerError):
            found = request.accept(bent[:size])
            if isinstance(found, Portion):
                assert 0 < len(found.data) <= 64
