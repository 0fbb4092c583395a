"""PCI-SIG's protocols, and what one of them is told of the session it is asked in."""

import pytest
from devices import device, error, negotiated, vendor_request
from secured import Wire, established, plain

from emulator.spdm.session import Session
from emulator.vendor import PCI_SIG, PciSig, Registry, VendorExchange


class Owned:
    """Belongs to the first session that asks: answers nobody else until that is over.

    Attributes:
        owner: whose it is.
        seen: the payloads and the sessions they came in.
    """

    def __init__(self) -> None:
        self.owner: Session | None = None
        self.seen: list[tuple[bytes, Session | None]] = []

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        self.seen.append((payload, exchange.session))
        if exchange.session is None or self.owner not in (None, exchange.session):
            return None
        exchange.effects.append(lambda: self._own(exchange.session))
        return b"mine" + payload

    def _own(self, session: Session | None) -> None:
        self.owner = session
        if session is not None:
            session.heirs.append(self._lost)

    def _lost(self, session: Session) -> None:
        assert session is self.owner
        self.owner = None


def registry(**protocols: Owned) -> Registry:
    """PCI-SIG with protocols by their numbers, written as `p0=`."""
    made = Registry()
    made.add(*PCI_SIG, PciSig({int(name[1:]): one for name, one in protocols.items()}))
    return made


def response(payload: bytes) -> bytes:
    return b"\x13\x7e\0\0\3\0\2\1\0" + len(payload).to_bytes(2, "little") + payload


def test_the_first_byte_says_which_protocol() -> None:
    zero, one = Owned(), Owned()
    session = established(Wire(vendors=registry(p0=zero, p1=one)))
    assert session.ask(vendor_request(payload=b"\0a")) == response(b"\0minea")
    assert session.ask(vendor_request(payload=b"\1b")) == response(b"\1mineb")
    assert session.ask(vendor_request(payload=b"\1")) == response(b"\1mine")
    assert [payload for payload, _ in zero.seen] == [b"a"]
    assert [payload for payload, _ in one.seen] == [b"b", b""]


def test_a_protocol_the_device_does_not_speak() -> None:
    peer = negotiated(device(), vendors=registry(p0=Owned()))
    assert peer.ask(vendor_request(payload=b"\1x")) == error(0x13, 0x07, 0xFE)


def test_a_payload_without_a_protocol() -> None:
    peer = negotiated(device(), vendors=registry(p0=Owned()))
    assert peer.ask(vendor_request()) == error(0x13, 0x01)


def test_a_protocol_with_nothing_to_say() -> None:
    peer = negotiated(device(), vendors=registry(p0=Owned()))
    assert peer.exchange(vendor_request(payload=b"\0x")).data is None


def test_a_protocol_knows_whose_request_it_answers() -> None:
    owned = Owned()
    wire = Wire(vendors=registry(p0=owned))
    assert not wire.send(wire_payload(vendor_request(payload=b"\0clear")))
    first = established(wire)
    assert first.ask(vendor_request(payload=b"\0one")) == response(b"\0mineone")
    second = wire.by_psk().finish()
    assert wire.record(second.seal(vendor_request(payload=b"\0two"))) is None
    assert [seen for _, seen in owned.seen] == [None, first.held, second.held]
    assert owned.owner is first.held


def test_what_a_session_owned_is_free_once_it_is_over() -> None:
    owned = Owned()
    wire = Wire(vendors=registry(p0=owned))
    first = established(wire)
    first.ask(vendor_request(payload=b"\0one"))
    first.good(plain(0x13, 0xEC))
    assert owned.owner is None
    second = wire.by_psk().finish()
    assert second.ask(vendor_request(payload=b"\0two")) == response(b"\0minetwo")
    assert owned.owner is second.held


@pytest.mark.parametrize("how", ["reset", "disconnect"])
def test_it_is_free_however_the_session_ends(how: str) -> None:
    owned = Owned()
    wire = Wire(vendors=registry(p0=owned))
    established(wire).ask(vendor_request(payload=b"\0one"))
    if how == "reset":
        wire.device.reset()
    else:
        wire.endpoint.left("it left")
    assert owned.owner is None


def test_nothing_happens_before_the_answer_is_made() -> None:
    owned = Owned()
    peer = established(Wire(vendors=registry(p0=owned)))
    too_long = vendor_request(payload=b"\0" + bytes(4700))
    assert peer.ask(too_long)[1] == 0x7F
    assert owned.owner is None


def wire_payload(message: bytes) -> bytes:
    """A message in the clear as a DOE data object."""
    padded = message + bytes(-len(message) % 4)
    return b"\1\0\1\0" + (len(padded) // 4 + 2).to_bytes(4, "little") + padded
