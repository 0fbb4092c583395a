"""A device's IDE_KM, strict where the standard is.

KEY_PROG is checked for its length, its port, and then its values, and has a status to say so. What
else is wrong has no object that could say it: no response, or ERROR where the profile wants one.
Sources: tee-io-validator `doc/ide_test/IdeKmTestCase`; libspdm
`include/industry_standard/pci_idekm.h`. A device whose KEY_PROG comes for a key in use answers
status 4.
"""

from collections.abc import Callable
from functools import partial

from emulator.device.ide import Ide, OnRefusal
from emulator.errors import InvalidRequest, SessionRequired, SpdmError, UnexpectedRequest
from emulator.link import KeyEvent, Place, Stream
from emulator.link.keys import FIRST_INVOCATION
from emulator.spdm.session import Session
from emulator.vendor.ide_km.objects import (
    KEY_PROG_SIZE,
    KEY_SET_SIZE,
    PLAIN,
    QUERY_SIZE,
    KeyProg,
    KeySetObject,
    KpAck,
    KpStatus,
    ObjectId,
    Query,
    QueryResp,
    to_bytes,
)
from emulator.vendor.registry import VendorExchange
from emulator.wire import Structure, decode

_EVENTS = {ObjectId.K_SET_GO: KeyEvent.K_SET_GO, ObjectId.K_SET_STOP: KeyEvent.K_SET_STOP}


class IdeKm:
    """Answers the objects of IDE_KM by what the device has of IDE."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        """The object that answers `payload`, or None for what is refused.

        Raises SpdmError for that where the profile wants an ERROR.
        """
        ide = exchange.device.ide
        try:
            if ide is None:
                raise InvalidRequest("IDE_KM of a device without IDE")
            return to_bytes(self._answer(ide, payload, exchange))
        except SpdmError as error:
            if ide is not None and ide.on_refusal is OnRefusal.ERROR:
                raise
            exchange.refusals.append(error)
            return None

    def _answer(self, ide: Ide, payload: bytes, exchange: VendorExchange) -> Structure:
        """The object. Raises SpdmError for what is refused."""
        session = exchange.session
        if session is None:
            raise SessionRequired("IDE_KM outside of a session")
        answers: dict[int, Callable[[Ide, Session, bytes, VendorExchange], Structure]] = {
            ObjectId.QUERY: self._query,
            ObjectId.KEY_PROG: self._key_prog,
            ObjectId.K_SET_GO: self._key_set,
            ObjectId.K_SET_STOP: self._key_set,
        }
        answer = answers.get(payload[0]) if payload else None
        if answer is None:
            found = f"object {payload[0]}" if payload else "nothing"
            raise InvalidRequest(f"IDE_KM with {found}, which asks for nothing")
        if ide.foreign(session):
            name = ObjectId(payload[0]).name
            raise UnexpectedRequest(f"{name}, while the streams belong to another session")
        return answer(ide, session, payload, exchange)

    def _query(
        self, ide: Ide, session: Session, payload: bytes, exchange: VendorExchange
    ) -> QueryResp:
        """What a port is like. Keys of a session that is over go first."""
        del session
        if len(payload) != QUERY_SIZE:
            raise InvalidRequest(f"QUERY of {len(payload)} bytes where it has {QUERY_SIZE}")
        query, _ = decode(Query, payload, PLAIN)
        port = ide.port(query.port_index)
        if port is None:
            raise InvalidRequest(f"QUERY of port {query.port_index} of {ide.max_port}")
        if ide.orphaned:
            # Its answer says what is so afterwards: no key of any stream is left in use.
            exchange.effects.append(ide.take_over)
        registers = port.registers(insecure=ide.orphaned)
        return QueryResp(
            port_index=query.port_index,
            dev_func_num=ide.devfn,
            bus_num=ide.bus,
            segment=ide.segment,
            max_port_index=ide.max_port,
            register_block=b"".join(one.to_bytes(4, "little") for one in registers),
        )

    def _key_prog(
        self, ide: Ide, session: Session, payload: bytes, exchange: VendorExchange
    ) -> KpAck:
        """A key, or why it is not taken."""
        if len(payload) < KEY_SET_SIZE:
            raise InvalidRequest(f"KEY_PROG of {len(payload)} bytes, too short to be answered")
        head, _ = decode(KeySetObject, payload, PLAIN)
        status = KpStatus.INCORRECT_LENGTH
        if len(payload) == KEY_PROG_SIZE:
            asked, _ = decode(KeyProg, payload, PLAIN)
            status, stream, place = self._judge(ide, asked)
            if stream is not None and place is not None:
                effect = partial(ide.program, session, stream, place, asked.key, asked.invocation)
                exchange.effects.append(effect)
        return KpAck(
            stream_id=head.stream_id,
            status=status,
            key_sub_stream=head.key_sub_stream,
            port_index=head.port_index,
        )

    @staticmethod
    def _judge(ide: Ide, asked: KeyProg) -> tuple[KpStatus, Stream | None, Place | None]:
        """The status of a key, and where it goes if it is taken."""
        port = ide.port(asked.port_index)
        if port is None:
            return KpStatus.UNSUPPORTED_PORT_INDEX, None, None
        place, stream = Place.of(asked.key_sub_stream), port.stream(asked.stream_id)
        if place is None or stream is None or asked.invocation != FIRST_INVOCATION:
            return KpStatus.UNSUPPORTED_VALUE, None, None
        if not ide.orphaned and not stream.allows(place, KeyEvent.KEY_PROG):
            return KpStatus.UNSPECIFIED_FAILURE, None, None
        return KpStatus.SUCCESS, stream, place

    def _key_set(
        self, ide: Ide, session: Session, payload: bytes, exchange: VendorExchange
    ) -> KeySetObject:
        """K_SET_GO or K_SET_STOP of one key."""
        del session
        name = ObjectId(payload[0]).name
        if len(payload) != KEY_SET_SIZE:
            raise InvalidRequest(f"{name} of {len(payload)} bytes where it has {KEY_SET_SIZE}")
        asked, _ = decode(KeySetObject, payload, PLAIN)
        port = ide.port(asked.port_index)
        if port is None:
            raise InvalidRequest(f"{name} for port {asked.port_index} of {ide.max_port}")
        stream, place = port.stream(asked.stream_id), Place.of(asked.key_sub_stream)
        if stream is None:
            raise InvalidRequest(f"{name} for stream {asked.stream_id}, which there is not")
        if place is None:
            raise InvalidRequest(f"{name} for the key 0x{asked.key_sub_stream:02x}")
        if ide.orphaned:
            raise UnexpectedRequest(f"{name} for keys of a session that is over")
        event = _EVENTS[ObjectId(asked.object_id)]
        if not stream.allows(place, event):
            found = stream.key_state(place).value
            raise UnexpectedRequest(f"{name} for {place} of stream {stream.id}: {found}")
        going = event is KeyEvent.K_SET_GO
        exchange.effects.append(
            partial(stream.go, place) if going else partial(ide.stop, stream, place)
        )
        return KeySetObject(
            object_id=ObjectId.K_SET_GOSTOP_ACK,
            stream_id=asked.stream_id,
            key_sub_stream=asked.key_sub_stream,
            port_index=asked.port_index,
        )
