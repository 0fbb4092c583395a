"""MEASUREMENT_EXTENSION_LOG and ENDPOINT_INFO as a requester takes them, and refuses them."""

from contextlib import suppress

import pytest
from asking import Host, patched
from hypothesis import given
from hypothesis import strategies as st
from unit.answer.test_answer_endpoint_info import telling
from unit.answer.test_answer_measurement_log import BEGINNING, entry, logging, whole

from emulator.ask import (
    EndpointInfoRequest,
    MeasurementLogRequest,
    Request,
    read_log,
)
from emulator.device import Measurement, Measurements
from emulator.device.endpoint_info import DeviceClass
from emulator.errors import BrokenReply, PeerError, SignatureMismatch, UnsupportedByPeer
from emulator.requester import Offer
from emulator.requester.logged import contradictions
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import Version

NEW = (Version.V1_3, Version.V1_4)
FUNCTION = DeviceClass(3, b"\x36\x1b", (b"\x02\x08\x01", b"\x02"))


def logged() -> Host:
    return Host(logging()).connected()


def told() -> Host:
    return Host(telling()).connected(0)


@pytest.mark.parametrize("version", NEW)
def test_a_log_is_fetched_in_portions(version: Version) -> None:
    offer = Offer(versions=(version,), data_transfer_size=64, max_message=64)
    host = Host(logging(), offer=offer).connected()
    log = host.run(host.requester.measurement_log())
    assert [one.entry for one in log] == list(BEGINNING)
    assert (log[1].index, log[1].kind, log[1].raw, log[1].value) == (2, 1, True, b"firmware")
    assert (log[0].raw, len(log[0].value)) == (False, 48)
    assert sum(raw[1] == 0xEF for raw in host.sent) >= 3


def test_what_is_added_meanwhile_is_left_out() -> None:
    held = logging()
    host = Host(held, offer=Offer(data_transfer_size=64, max_message=64)).connected()
    answer = host.answer

    def changing(request: bytes) -> bytes:
        if request[1] == 0xEF:
            held.change_measurement(2, b"again")
        return answer(request)

    host.answer = changing  # type: ignore[method-assign]
    # The first portion is answered after one change.
    log = host.run(host.requester.measurement_log())
    assert [one.entry for one in log] == [*BEGINNING, entry(6, 2, 0x81, b"again")]


@pytest.mark.parametrize(
    ("at", "value", "field"),
    [
        (4, b"\xff\0\0\0", "portion"),
        (8, b"\xff\xff\xff\xff", "remainder_length"),
    ],
)
def test_portions_that_break_a_rule(at: int, value: bytes, field: str) -> None:
    host = logged()
    request = MeasurementLogRequest(host.connection, offset=0, length=16)
    reply = host.answer(request.raw)
    with pytest.raises(BrokenReply) as caught:
        request.accept(patched(reply, at, value))
    assert caught.value.field == field


def test_an_empty_portion() -> None:
    host = logged()
    request = MeasurementLogRequest(host.connection, offset=0, length=16)
    with pytest.raises(BrokenReply, match="portion_length: found 0, expected 1 to the 16"):
        request.accept(host.answer(request.raw)[:4] + bytes(8))


def test_more_than_was_asked_for() -> None:
    host = logged()
    more = host.answer(MeasurementLogRequest(host.connection, offset=0, length=32).raw)
    with pytest.raises(BrokenReply, match="portion_length: found 32, expected 1 to the 16"):
        MeasurementLogRequest(host.connection, offset=0, length=16).accept(more)


def test_a_log_that_shrinks() -> None:
    host = logged()
    request = MeasurementLogRequest(host.connection, offset=16, length=16, total=4000)
    with pytest.raises(BrokenReply, match="at least the 4000 told before"):
        host.ask(request)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", "entry_count"),
        (whole(*BEGINNING)[:-1], "entries"),
        (whole(*BEGINNING) + b"\0", "log"),
        (patched(whole(*BEGINNING), 4, 1), "entries_length"),
        (whole(entry(2, 1, 0, b"")), "entries[0].number"),
    ],
)
def test_logs_that_break_a_rule(data: bytes, field: str) -> None:
    with pytest.raises(BrokenReply) as caught:
        read_log(data)
    assert caught.value.field.startswith(field)


def test_a_log_needs_a_device_that_has_one() -> None:
    host = Host(telling()).connected()
    with pytest.raises(UnsupportedByPeer, match="needs MEL, which the peer lacks"):
        host.run(host.requester.measurement_log())


@pytest.mark.parametrize("bits", [0, 2, 3])
def test_algorithms_with_another_form_of_log(bits: int) -> None:
    host = Host(logging())
    answer = host.answer

    def bent(request: bytes) -> bytes:
        reply = answer(request)
        return patched(reply, 31, bits) if request[1] == 0xE3 else reply

    host.answer = bent  # type: ignore[method-assign]
    with pytest.raises(BrokenReply, match=f"mel_specification: found 0x0{bits}, expected 0x01"):
        host.connected()


@pytest.mark.parametrize("version", NEW)
def test_endpoint_info(version: Version) -> None:
    host = Host(telling(), offer=Offer(versions=(version,))).connected(0)
    plain = host.run(host.requester.endpoint_info())
    assert (plain.classes, plain.transcript_hash) == ((FUNCTION,), b"")
    signed = host.run(host.requester.endpoint_info(signed_by=0, nonce=bytes(32)))
    assert signed.classes == (FUNCTION,)
    assert len(signed.transcript_hash) == 48


@pytest.mark.parametrize("at", [3, 8, 40, -1])
def test_endpoint_info_that_was_tampered_with(at: int) -> None:
    host = told()
    request = EndpointInfoRequest(host.connection, signer=host.requester.chains[0], nonce=bytes(32))
    reply = host.answer(request.raw)
    expected = BrokenReply if at in {3, 40} else SignatureMismatch
    with pytest.raises(expected):
        request.accept(patched(reply, at, reply[at] ^ 1))


def test_the_context_is_that_of_the_role_that_answers() -> None:
    host = told()
    request = EndpointInfoRequest(host.connection, signer=host.requester.chains[0], nonce=bytes(32))
    host.connection.turned = True
    with pytest.raises(SignatureMismatch) as caught:
        host.ask(request)
    assert caught.value.content.classes == (FUNCTION,)  # type: ignore[attr-defined]


def test_a_signature_needs_a_device_that_makes_one() -> None:
    held = telling(capabilities=Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.EP_INFO_NO_SIG)
    host = Host(held).connected(0)
    assert host.run(host.requester.endpoint_info()).classes == (FUNCTION,)
    with pytest.raises(UnsupportedByPeer, match="EP_INFO_SIG"):
        host.run(host.requester.endpoint_info(signed_by=0))


@pytest.mark.parametrize(
    "info", ["", "01000000", "01000000 02 03", "01000000 01 03", "00000000 00"]
)
def test_info_that_is_none(info: str) -> None:
    host = told()
    request = EndpointInfoRequest(host.connection)
    data = bytes.fromhex(info)
    head = host.answer(request.raw)[:8]
    with pytest.raises(BrokenReply, match=r"ENDPOINT_INFO\.info"):
        request.accept(head + len(data).to_bytes(4, "little") + data)


def test_a_device_that_logs_another_value_than_it_reports() -> None:
    """Only what the log says something of can contradict it."""
    held = logging()
    measured = (Measurement(1, 0, b"rom"), Measurement(2, 1, b"firmware", raw=True))
    held.measurements = Measurements(measured)
    held.measurements.log.begin((Measurement(2, 1, b"other", raw=True),))
    host = Host(held).connected()
    log = host.run(host.requester.measurement_log())
    found = host.run(host.requester.measurements(signed_by=None)).measurements
    told_ = list(contradictions(log, found, "SHA_384"))
    assert told_ == [f"measurement 2 is {b'firmware'.hex()}, the log says {b'other'.hex()}"]


def _log() -> tuple[Request[object], bytes]:
    host = logged()
    request = MeasurementLogRequest(host.connection, offset=0, length=4096)
    return request, host.answer(request.raw)


def _plain() -> tuple[Request[object], bytes]:
    host = told()
    request = EndpointInfoRequest(host.connection)
    return request, host.answer(request.raw)


def _signed() -> tuple[Request[object], bytes]:
    host = told()
    chain = host.requester.chains[0]
    request = EndpointInfoRequest(host.connection, signer=chain, nonce=bytes(32))
    return request, host.answer(request.raw)


MADE = {make.__name__: make() for make in (_log, _plain, _signed)}


@pytest.mark.parametrize("name", MADE)
@given(data=st.data())
def test_whatever_comes_nothing_but_a_peers_error(name: str, data: st.DataObject) -> None:
    request, reply = MADE[name]
    at = data.draw(st.integers(0, len(reply) - 1))
    bent = patched(reply, at, data.draw(st.binary(min_size=1, max_size=4)))
    for one in (bent, bent[: data.draw(st.integers(0, len(bent)))], reply[:2] + bent[at:]):
        with suppress(PeerError):
            request.accept(one)


@given(at=st.integers(0, 200), new=st.binary(max_size=8))
def test_bent_logs(at: int, new: bytes) -> None:
    log = whole(*BEGINNING)
    with suppress(PeerError):
        read_log(log[:at] + new + log[at + len(new) :])
