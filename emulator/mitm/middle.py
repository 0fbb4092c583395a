"""What becomes of each frame that passes.

Pure: a frame from the host comes in, frames to the device are yielded and its replies sent back in,
and what the host gets is returned. The middle has no key of the device's; what it does is listed as
it does it, as a `Deed`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from emulator.client.drive import unwrap, wrap
from emulator.entropy import Entropy
from emulator.errors import EmulatorError, NoResponse, NoSession, PeerError, WireError
from emulator.link import KEY_SIZE
from emulator.mitm.overheard import Overheard
from emulator.mitm.stand_in import impostor, stand_in
from emulator.requester import Requester, SecureSession
from emulator.requester.flow import Flow, Inside
from emulator.responder import Reply, SessionResponder
from emulator.spdm import codes
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import Error, VendorDefinedRequest, VendorDefinedResponse
from emulator.spdm.messages.vendor import sized
from emulator.spdm.session import Session
from emulator.spdm.work import finish
from emulator.transport.binding import Binding, BindingError, Kind
from emulator.transport.bindings import BY_NUMBERS
from emulator.transport.spdm_socket import Frame
from emulator.vendor.ide_km.objects import KEY_SET_SIZE, ObjectId
from emulator.vendor.pci import PCI_SIG, PciProtocol
from emulator.wire import Shape, decode, encode

_T = TypeVar("_T")

Passing = Generator[Frame, Frame, Frame]
"""Frames to the device go out, its replies come in, and what the host gets is the result."""

FORGED = b"the middle says so"
"""What a vendor-defined request is answered with in the device's place."""

_OWN = {
    Code.FINISH,
    Code.PSK_FINISH,
    Code.HEARTBEAT,
    Code.KEY_UPDATE,
    Code.END_SESSION,
}
"""Requests that are about a session itself: the stand-in answers them."""

_HEADER = 4
_LENGTH_SIZE = 2
_KEY_AT = 1 + KEY_SET_SIZE
"""Where the key stands in KEY_PROG, behind the protocol's number."""


class Mode(StrEnum):
    """What the middle does.

    PASS: carries everything, and reads what it can. RELAY: lets the device prove what it is asked
    to, and answers the rest in its place. TERMINATE: ends sessions here, one on each side.
    SWAP_KEYS: does that, and gives the device other IDE keys than the host's. TAMPER: changes the
    records of sessions. TAMPER_LINK: changes the TLPs of the link.
    """

    PASS = "pass"  # noqa: S105 - no password
    RELAY = "relay"
    TERMINATE = "terminate"
    SWAP_KEYS = "swap-keys"
    TAMPER = "tamper"
    TAMPER_LINK = "tamper-link"


@dataclass(frozen=True)
class Deed:
    """Something the middle did.

    Attributes:
        what: `read`, `forged`, `altered`, `opened` or `failed`.
        name: the message, or what failed.
        data: the bytes it was about.
        session: the session it was in, or None.
    """

    what: str
    name: str
    data: bytes = b""
    session: int | None = None


_TERMINATING = (Mode.TERMINATE, Mode.SWAP_KEYS)


class Middle:
    """One connection's man in the middle."""

    def __init__(
        self, mode: Mode, entropy: Entropy, told: Callable[[Deed], None] = lambda _: None
    ) -> None:
        """`told` hears of each deed."""
        self._mode = mode
        self._entropy = entropy
        self._told = told
        self._overheard = Overheard()
        self._device: SessionResponder | None = None
        self._host: Requester | None = None
        self._legs: dict[int, SecureSession] = {}
        self._slot = 0

    def take(self, frame: Frame, now: float) -> Passing:
        """A frame from the host."""
        binding = BY_NUMBERS.get((frame.command, frame.transport))
        if binding is None:
            return (yield frame)
        try:
            found = binding.unwrap(frame.payload)
        except BindingError:
            return (yield frame)
        if found.kind is Kind.MESSAGE and len(found.data) >= _HEADER:
            return (yield from self._message(frame, binding, found.data, now))
        if found.kind is Kind.SECURED:
            return (yield from self._record(frame, binding, found.data, now))
        return (yield frame)

    def _message(self, frame: Frame, binding: Binding, request: bytes, now: float) -> Passing:
        """What is said in the clear."""
        code = request[1]
        if self._mode is Mode.RELAY and code == Code.VENDOR_DEFINED_REQUEST:
            return self._forge(frame, binding, request)
        if self._mode in _TERMINATING and self._ends_here(code):
            return self._stand_in(frame, binding, request, now)
        answer = yield frame
        try:
            reply = binding.unwrap(answer.payload)
        except BindingError:
            return answer
        if reply.kind is Kind.MESSAGE:
            self._overheard.learn(request, reply.data)
            for said in (request, reply.data):
                self._told(Deed("read", codes.name(said[1]), said))
        return answer

    def _ends_here(self, code: int) -> bool:
        """Whether a request in the clear is about a session of the stand-in's."""
        if code == Code.KEY_EXCHANGE:
            return self._overheard.negotiated
        return code == Code.FINISH and self._device is not None and bool(self._sessions)

    @property
    def _sessions(self) -> dict[int, Session]:
        return {} if self._device is None else self._device.connection.sessions

    def _forge(self, frame: Frame, binding: Binding, request: bytes) -> Frame:
        """Answer a vendor-defined request in the device's place."""
        try:
            asked, size = decode(VendorDefinedRequest, request, Shape(request[0]))
        except WireError:
            return frame._replace(payload=binding.wrap(_refusal(request[0])))
        self._told(Deed("read", codes.name(request[1]), request[:size]))
        large = asked.large_payload_length is not None
        made = VendorDefinedResponse(
            version=asked.version,
            standard=asked.standard,
            vendor=asked.vendor,
            **sized(FORGED, large=large),
        )
        reply = encode(made, Shape(asked.version))
        self._told(Deed("forged", codes.name(reply[1]), reply))
        return frame._replace(payload=binding.wrap(reply))

    def _stand_in(self, frame: Frame, binding: Binding, request: bytes, now: float) -> Frame:
        """Answer as the device would, with a key of our own."""
        if request[1] == Code.KEY_EXCHANGE and not self._sessions:
            self._slot = request[3]
            try:
                self._device = stand_in(self._overheard, self._entropy)
            except LookupError as error:
                self._told(Deed("failed", str(error)))
        if self._device is None:
            return frame._replace(payload=binding.wrap(_refusal(request[0])))
        answer = finish(
            self._device.respond(
                request, slack=binding.padding, largest=binding.largest, now=now,
                transport=binding.name,
            )
        )  # fmt: skip
        answer.commit()
        if answer.error is not None:
            self._told(Deed("failed", f"{codes.name(request[1])}: {answer.error}"))
        elif request[1] == Code.KEY_EXCHANGE and answer.data is not None:
            latest = self._device.connection.latest
            self._told(Deed("opened", "a session with the host", session=latest))
        return frame._replace(payload=b"" if answer.data is None else binding.wrap(answer.data))

    def _record(self, frame: Frame, binding: Binding, record: bytes, now: float) -> Passing:
        """What is said in a session."""
        session = int.from_bytes(record[:_HEADER], "little")
        device = self._device
        if device is not None and session in self._sessions:
            return (yield from self._inside(device, frame, binding, record, now))
        self._told(Deed("passed", "a record", record, session))
        answer = yield frame
        if self._mode is not Mode.TAMPER or not answer.payload:
            return answer
        self._told(Deed("altered", "a record", answer.payload, session))
        return answer._replace(payload=_altered(answer.payload, binding))

    def _inside(
        self, device: SessionResponder, frame: Frame, binding: Binding, record: bytes, now: float
    ) -> Passing:
        """What the host says in a session that ends here: read, and said again to the device."""
        form = binding.records
        if form is None:
            return (yield frame)  # this transport has no sessions
        try:
            opened = device.open(record, form=form, now=now)
        except NoSession:
            return frame._replace(payload=b"")
        code = opened.message[1] if len(opened.message) >= _HEADER else 0
        session = opened.session
        if opened.error is not None or code in _OWN or not code:
            answer = finish(
                device.respond_inside(opened, form=form, now=now, transport=binding.name)
            )
            if code == Code.END_SESSION:
                yield from self._end(session.id, binding, frame)
            return frame._replace(payload=_sealed(answer, binding))
        self._told(Deed("read", codes.name(code), opened.message, session.id))
        try:
            leg = yield from self._leg(session.id, binding, frame)
            request = self._swapped(opened.message, session.id)
            reply = yield from self._say(leg, request, binding, frame)
        except (PeerError, EmulatorError, LookupError) as error:
            self._told(Deed("failed", str(error), session=session.id))
            reply = _refusal(opened.message[0])
        self._told(Deed("read", codes.name(reply[1]), reply, session.id))
        traffic = session.secrets.traffic(Direction.RESPONSE)
        sealed = session.sealer(form).seal(traffic, form.enclose(reply), self._entropy)
        return frame._replace(payload=binding.wrap_record(sealed))

    def _swapped(self, message: bytes, session: int) -> bytes:
        """The message; in SWAP_KEYS, with a key of our own where it programs one for the link."""
        if self._mode is not Mode.SWAP_KEYS or message[1] != Code.VENDOR_DEFINED_REQUEST:
            return message
        shape = Shape(message[0])
        try:
            asked, _ = decode(VendorDefinedRequest, message, shape)
        except WireError:
            return message
        payload = asked.payload
        programs = payload[:2] == bytes((PciProtocol.IDE_KM, ObjectId.KEY_PROG))
        if (asked.standard, asked.vendor) != PCI_SIG or not programs:
            return message
        key = self._entropy.bytes(KEY_SIZE, label="IDE key")
        other = payload[:_KEY_AT] + key + payload[_KEY_AT + KEY_SIZE :]
        changed = encode(replace(asked, payload=other), shape)
        self._told(Deed("altered", "KEY_PROG", changed, session))
        return changed

    def _leg(
        self, session: int, binding: Binding, frame: Frame
    ) -> Generator[Frame, Frame, SecureSession]:
        """Our own session with the device, which belongs to the host's with us."""
        if session not in self._legs:
            if self._host is None:
                self._host = impostor(self._overheard, self._entropy)
            flow = self._host.session(self._slot)
            self._legs[session] = yield from self._drive(flow, binding, frame)
            self._told(Deed("opened", "a session with the device", session=session))
        return self._legs[session]

    def _end(self, session: int, binding: Binding, frame: Frame) -> Generator[Frame, Frame, None]:
        leg = self._legs.pop(session, None)
        if leg is not None and leg.live:
            yield from self._drive(leg.end_session(), binding, frame)

    def _say(
        self, leg: SecureSession, message: bytes, binding: Binding, frame: Frame
    ) -> Generator[Frame, Frame, bytes]:
        """Say in our session with the device what the host has said in its own."""
        request = Inside(message, leg)
        answer = yield frame._replace(payload=wrap(request, binding))
        if not answer.payload:
            raise NoResponse("the device gave no response")
        return bytes(unwrap(answer.payload, binding, request))

    def _drive(self, flow: Flow[_T], binding: Binding, frame: Frame) -> Generator[Frame, Frame, _T]:
        """Carry a flow of our own to the device."""
        try:
            request = next(flow)
            while True:
                answer = yield frame._replace(payload=wrap(request, binding))
                try:
                    if not answer.payload:
                        raise NoResponse("the device gave no response")
                    reply = unwrap(answer.payload, binding, request)
                except PeerError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(reply)
        except StopIteration as stop:
            result: _T = stop.value
            return result


def _sealed(answer: Reply, binding: Binding) -> bytes:
    """The payload of a reply inside of a session."""
    record = None if answer.data is None or answer.seal is None else answer.seal(answer.data)
    answer.commit()
    return b"" if record is None else binding.wrap_record(record)


def _refusal(version: int) -> bytes:
    """An ERROR for what the middle cannot do."""
    return encode(Error(version=version, error_code=codes.ErrorCode.UNSPECIFIED), Shape(version))


def _altered(payload: bytes, binding: Binding) -> bytes:
    """A record with a bit of its tag flipped; padding may follow it."""
    try:
        found = binding.unwrap(payload)
    except BindingError:
        return payload
    if found.kind is not Kind.SECURED or binding.records is None:
        return payload
    record, start = bytearray(found.data), binding.records.header_size()
    end = start + int.from_bytes(record[start - _LENGTH_SIZE : start], "little")
    if not start < end <= len(record):
        return payload
    record[end - 1] ^= 1
    return binding.wrap_record(bytes(record[:end]))
