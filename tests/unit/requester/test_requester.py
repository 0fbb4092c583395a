"""The requester: one flow a request, patience, and what it offers."""

from collections.abc import Callable

import pytest
from asking import Host
from devices import device, error

from emulator.crypto import hashes
from emulator.crypto.keys import SCHEMES
from emulator.device import Sizes
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, EmulatorError, PeerErrorReply, UnsupportedByPeer
from emulator.requester import DEFAULT, Offer, Requester
from emulator.spdm.codes import Code
from emulator.spdm.messages import MeasurementOperation
from emulator.spdm.state import State
from emulator.spdm.versions import Version


class Moody(Host):
    """A host whose device first gives other replies to requests of one code."""

    moods: list[bytes]
    code: int

    def answer(self, request: bytes) -> bytes:
        if self.moods and request[1] == self.code:
            return self.moods.pop(0)
        return super().answer(request)


def moody(code: int, *moods: bytes, offer: Offer = DEFAULT) -> Moody:
    host = Moody(offer=offer)
    host.code, host.moods = code, []
    host.connected(0)
    host.moods = list(moods)
    return host


def test_connecting_is_three_requests() -> None:
    host = Host()
    agreed = host.run(host.requester.connect())
    assert [request[1] for request in host.sent] == [0x84, 0xE1, 0xE3]
    assert agreed is host.connection.algorithms
    assert host.connection.state == State.NEGOTIATED


def test_connecting_again_forgets_what_was_fetched() -> None:
    host = Host().connected(0)
    host.run(host.requester.digests())
    host.run(host.requester.connect())
    assert host.requester.slots is None
    assert host.requester.chains == {}


def test_the_whole_of_what_a_requester_asks() -> None:
    host = Host().connected(0, 2)
    assert set(host.run(host.requester.digests()).digests) == {0, 2}
    challenged = host.run(host.requester.challenge(2))
    assert host.sent[-1][4:36] == Seeded("host").bytes(32, label="CHALLENGE nonce")
    assert challenged.reply.slot == 2
    assert host.run(host.requester.measurement_count()) == 5
    assert host.run(host.requester.measurements(1, signed_by=None)).measurements[0].index == 1
    signed = host.run(host.requester.measurements(signed_by=2))
    assert host.sent[-1][4:36] == Seeded("host").bytes(32, label="GET_MEASUREMENTS nonce")
    assert signed.covered == 3


def test_nonces_and_contexts_can_be_given() -> None:
    host = Host().connected(0)
    nonce, context = bytes(range(32)), b"12345678"
    host.run(host.requester.challenge(0, nonce=nonce, context=context))
    assert host.sent[-1][4:] == nonce + context
    host.run(host.requester.measurements(nonce=nonce, context=context))
    assert host.sent[-1][4:] == nonce + b"\x00" + context


def test_raw_and_new_are_attributes() -> None:
    host = Host().connected(0)
    host.run(host.requester.measurements(signed_by=None, raw=True, new=True))
    assert host.sent[-1][2] == 0x06
    host.run(host.requester.measurements(MeasurementOperation.COUNT, signed_by=0))
    assert host.sent[-1][2:4] == b"\x01\x00"


@pytest.mark.parametrize(
    "flow",
    [
        lambda requester: requester.challenge(1),
        lambda requester: requester.measurements(signed_by=1),
    ],
)
def test_a_chain_is_fetched_before_it_is_used(flow: Callable[[Requester], object]) -> None:
    host = Host().connected(0)
    with pytest.raises(EmulatorError, match=r"slot 1 was not fetched: certificate\(1\)"):
        host.run(flow(host.requester))  # type: ignore[arg-type]  # any flow


def test_a_busy_device_is_asked_again() -> None:
    host = moody(Code.GET_DIGESTS, *[error(0x13, 0x03)] * 3)
    host.run(host.requester.digests())
    assert [request[1] for request in host.sent[-4:]] == [Code.GET_DIGESTS] * 4
    assert len(set(host.sent[-4:])) == 1


def test_patience_has_an_end() -> None:
    host = moody(Code.GET_DIGESTS, *[error(0x13, 0x03)] * 4)
    with pytest.raises(PeerErrorReply, match="BUSY"):
        host.run(host.requester.digests())


def test_a_busy_device_while_connecting() -> None:
    host = Moody()
    host.code, host.moods = Code.GET_VERSION, [error(0x10, 0x03)]
    host.run(host.requester.connect())
    assert host.connection.state == State.NEGOTIATED


class Late(Host):
    """A host whose device gives each reply to CHALLENGE only when it is asked once more."""

    kept = b""
    errors = (bytes((1, 0x83, 0x55, 2)),)
    again: bytes = b""

    def answer(self, request: bytes) -> bytes:
        if request[1] == Code.RESPOND_IF_READY:
            self.again = request
            return self.kept
        if request[1] != Code.CHALLENGE:
            return super().answer(request)
        self.kept = super().answer(request)
        return error(0x13, 0x42, 0, self.errors[0])


def test_a_reply_that_is_not_ready_is_asked_for() -> None:
    host = Late().connected(0)
    authentication = host.run(host.requester.challenge(0))
    assert host.again == bytes((0x13, 0xFF, 0x83, 0x55))
    assert authentication.transcript_hash


def test_a_broken_not_ready_is_told() -> None:
    host = Late().connected(0)
    host.errors = (bytes((1, 0x84, 0x55, 2)),)
    with pytest.raises(BrokenReply, match=r"ERROR\.request_code"):
        host.run(host.requester.challenge(0))


def test_version_cannot_be_late() -> None:
    host = Moody()
    host.code, host.moods = Code.GET_VERSION, [error(0x10, 0x42, 0, bytes((1, 0x84, 0, 2)))]
    with pytest.raises(PeerErrorReply, match="RESPONSE_NOT_READY"):
        host.run(host.requester.version())


def test_a_request_larger_than_the_device_takes_is_not_sent() -> None:
    small = Sizes(data_transfer=100, max_message=100)
    host = Host(device(sizes=small)).connected()
    with pytest.raises(UnsupportedByPeer, match=r"a request of 211 bytes, the peer takes 100"):
        host.run(host.requester.vendor(3, b"\x01\x00", bytes(200)))


def test_a_vendors_protocol_that_is_not_there() -> None:
    host = Host().connected()
    with pytest.raises(PeerErrorReply, match="UNSUPPORTED_REQUEST"):
        host.run(host.requester.vendor(3, b"\x01\x00", b""))


def test_the_default_offer_is_what_this_package_can_compute() -> None:
    assert DEFAULT.versions == tuple(Version)
    assert set(DEFAULT.asym) == set(SCHEMES)
    assert DEFAULT.hashes == hashes.NAMES
    assert DEFAULT.data_transfer_size == DEFAULT.max_message == 4600


@pytest.mark.parametrize("field", ["asym", "hashes"])
def test_an_offer_names_algorithms_that_can_be_computed(field: str) -> None:
    with pytest.raises(EmulatorError, match=r"'SM3_256' where one of .*384.* is needed"):
        Offer(**{field: ("SM3_256",)})  # type: ignore[arg-type]  # a field of tuples


def test_an_offer_without_measurements() -> None:
    host = Host(offer=Offer(measurement_specification=0)).connected()
    assert host.connection.algorithms.measurement_hash is None
