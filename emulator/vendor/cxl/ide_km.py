"""CXL IDE_KM on the device's side.

Rules: CXL Specification 3.1, sections 11.4.4 to 11.4.6, whose tables of errors are kept: what is
wrong with KEY_PROG is told by its status, anything else that is wrong gets no response. Keys belong
to the session that programmed the first of them, as PCIe's do.
"""

import struct
from collections.abc import Callable
from functools import partial

from emulator.device.cxl import CxlDirection, CxlIde, CxlKey, CxlPort
from emulator.device.cxl.ide import DEFAULT_IV
from emulator.errors import (
    InvalidRequest,
    SessionRequired,
    SpdmError,
    UnexpectedRequest,
    WireError,
)
from emulator.spdm.session import Session
from emulator.vendor.cxl.ide_messages import (
    CAPABILITY_VERSION,
    IV_SIZE,
    KEY_SIZE,
    SHAPE,
    GetKeyAck,
    KeyObject,
    KeyProgram,
    KeyStatus,
    ObjectId,
    PortCaps,
    Query,
    QueryResponse,
)
from emulator.vendor.registry import VendorExchange
from emulator.wire import Structure, encode, parse

SUB_STREAM = 0x80
_SUB_STREAM_MASK = 0xF0
_DIRECTION, _USE_DEFAULT_IV, _CONTAINMENT = 0x02, 0x08, 0x08


class CxlIdeKm:
    """The protocol; what it knows is the device's (`Device.cxl`)."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        """The object that answers; None: there is no response."""
        cxl, session = exchange.device.cxl, exchange.session
        try:
            if cxl is None or session is None:
                raise SessionRequired("CXL IDE_KM outside of a session")
            return encode(_Asked(cxl.ide, session, exchange).answer(payload), SHAPE)
        except (SpdmError, WireError) as error:
            told = error if isinstance(error, SpdmError) else InvalidRequest(str(error))
            exchange.refusals.append(told)
            return None


class _Asked:
    """One request."""

    def __init__(self, ide: CxlIde, session: Session, exchange: VendorExchange) -> None:
        self.ide = ide
        self.session = session
        self.exchange = exchange

    def answer(self, payload: bytes) -> Structure:
        """The answer. Raises WireError for a wrong length, SpdmError for what is refused."""
        if not payload:
            raise InvalidRequest("CXL IDE_KM without an object")
        if self.ide.owner not in (None, self.session):
            raise UnexpectedRequest("the keys belong to another session")
        if payload[0] == ObjectId.QUERY:
            return self._query(parse(Query, payload, SHAPE)[0])
        if payload[0] == ObjectId.KEY_PROG:
            return self._key_prog(payload)
        handler = _OF_KEY.get(payload[0])
        if handler is None:
            raise InvalidRequest(f"object {payload[0]}, which asks for nothing")
        about, _ = parse(KeyObject, payload, SHAPE)
        if about.stream_id or about.sub_stream & _SUB_STREAM_MASK != SUB_STREAM:
            raise InvalidRequest(f"stream {about.stream_id}, key {about.sub_stream:#04x}")
        return handler(self, self._port(about.port), about)

    def _port(self, index: int) -> CxlPort:
        port = self.ide.port(index)
        if port is None:
            raise InvalidRequest(f"port {index} of {self.ide.max_port}")
        return port

    def _query(self, asked: Query) -> Structure:
        port = self._port(asked.port)
        caps = PortCaps(0)
        if self.ide.generates_iv:
            caps |= PortCaps.IV_GENERATION
        if self.ide.generates_key:
            caps |= PortCaps.KEY_GENERATION
        if self.ide.stops:
            caps |= PortCaps.K_SET_STOP
        self.exchange.effects.append(partial(self.ide.query, port, self.session))
        registers = port.registers()
        return QueryResponse(
            port=asked.port,
            device_function=self.ide.device_function,
            bus=self.ide.bus,
            segment=self.ide.segment,
            max_port=self.ide.max_port,
            caps=caps | CAPABILITY_VERSION,
            registers=struct.pack(f"<{len(registers)}I", *registers),
        )

    def _key_prog(self, payload: bytes) -> Structure:
        """A request too short to say which key it is about gets no response."""
        head = payload[: len(encode(KeyObject(object_id=0, sub_stream=0, port=0), SHAPE))]
        about, _ = parse(KeyObject, head, SHAPE)
        port = self.ide.port(about.port)
        direction = CxlDirection(bool(about.sub_stream & _DIRECTION))
        key = self._acceptable(payload, port, direction)
        if key is not None and port is not None:
            self.exchange.effects.append(partial(self.ide.claim, self.session))
            self.exchange.effects.append(partial(port.program, direction, key))
        return _acknowledged(
            ObjectId.KP_ACK, about, KeyStatus.INVALID if key is None else KeyStatus.SUCCESS
        )

    def _acceptable(
        self, payload: bytes, port: CxlPort | None, direction: CxlDirection
    ) -> CxlKey | None:
        """The key to program, unless something is wrong (table 11-9)."""
        try:
            told, _ = parse(KeyProgram, payload, SHAPE)
        except WireError:
            return None
        if port is None or port.queried is not self.session:
            return None
        if told.stream_id or told.sub_stream & _SUB_STREAM_MASK != SUB_STREAM:
            return None
        other = port.pending.get(CxlDirection(1 - direction))
        if direction in port.pending or (other is not None and other.key == told.key):
            return None
        key = CxlKey(told.key, None if told.sub_stream & _USE_DEFAULT_IV else told.iv)
        return key if self._generated(port, direction, key) else None

    def _generated(self, port: CxlPort, direction: CxlDirection, key: CxlKey) -> bool:
        """What a port makes itself is what it sends with; one that makes no IV takes none."""
        if key.iv is not None and not self.ide.generates_iv:
            return False
        if direction is CxlDirection.RX:
            return True
        made = port.generated
        if self.ide.generates_key and (made is None or made.key != key.key):
            return False
        return key.iv is None or (made is not None and made.iv == key.iv)

    def get_key(self, port: CxlPort, about: KeyObject) -> Structure:
        """GET_KEY: where the port makes something, other things each time."""
        if not self.ide.generates_iv and not self.ide.generates_key:
            raise InvalidRequest("GET_KEY of a port that makes nothing")
        key, iv = bytes(KEY_SIZE), bytes(IV_SIZE)
        entropy = self.exchange.entropy
        if self.ide.generates_key:
            key = entropy.bytes(KEY_SIZE, label="CXL IDE key")
        if self.ide.generates_iv:
            drawn = self.ide.drawn_iv
            iv = entropy.bytes(IV_SIZE, label="CXL IDE IV") if drawn else DEFAULT_IV
        self.exchange.effects.append(partial(port.generate, CxlKey(key, iv)))
        return GetKeyAck(
            object_id=ObjectId.GET_KEY_ACK,
            sub_stream=about.sub_stream,
            port=about.port,
            key=key,
            iv=iv,
        )

    def go(self, port: CxlPort, about: KeyObject) -> Structure:
        """K_SET_GO takes a pending key, and the mode that IDE is active in (table 11-12)."""
        direction = CxlDirection(bool(about.sub_stream & _DIRECTION))
        containment = bool(about.sub_stream & _CONTAINMENT)
        if direction not in port.pending or port.containment not in (None, containment):
            raise UnexpectedRequest(f"K_SET_GO of {direction.name} without its key, or its mode")
        self.exchange.effects.append(partial(port.go, direction, containment=containment))
        return _acknowledged(ObjectId.K_GOSTOP_ACK, about)

    def stop(self, port: CxlPort, about: KeyObject) -> Structure:
        """K_SET_STOP takes a key in use."""
        direction = CxlDirection(bool(about.sub_stream & _DIRECTION))
        if not self.ide.stops or direction not in port.active:
            raise UnexpectedRequest(f"K_SET_STOP of {direction.name}, which is not in use")
        self.exchange.effects.append(partial(port.stop, direction))
        return _acknowledged(ObjectId.K_GOSTOP_ACK, about)


def _acknowledged(what: ObjectId, about: KeyObject, status: int = 0) -> KeyObject:
    return KeyObject(
        object_id=what,
        stream_id=about.stream_id,
        status=status,
        sub_stream=about.sub_stream,
        port=about.port,
    )


_OF_KEY: dict[int, Callable[[_Asked, CxlPort, KeyObject], Structure]] = {
    ObjectId.GET_KEY: _Asked.get_key,
    ObjectId.K_SET_GO: _Asked.go,
    ObjectId.K_SET_STOP: _Asked.stop,
}
