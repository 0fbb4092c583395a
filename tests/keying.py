"""A device with IDE, and a requester of IDE_KM that writes its objects byte by byte."""

import struct
from collections.abc import Iterator
from itertools import product

from devices import vendor_request
from secured import Inside, Wire, able_device, established

from emulator.device.ide import Ide, OnRefusal, OnSessionEnd
from emulator.link import AddressRange, End, RidRange, Stream, stream_control

PORTS = 8
BUS, DEVFN, SEGMENT = 0x2A, 0x08, 0x01
STREAM = 0
HEAD = b"\x13\x7e\0\0\3\0\2\1\0"
KEYS = tuple(
    key_set | direction << 1 | sub_stream << 4
    for key_set, direction, sub_stream in product((0, 1), (0, 1), (0, 1, 2))
)
"""Every key_sub_stream there is: key sets, RX and TX, PR, NPR and CPL."""

K0 = tuple(key for key in KEYS if not key & 1)
K1 = tuple(key for key in KEYS if key & 1)


def ide(
    *,
    ports: int = PORTS,
    on_refusal: OnRefusal = OnRefusal.SILENT,
    on_session_end: OnSessionEnd = OnSessionEnd.KEEP,
) -> Ide:
    """Ports with a selective stream 0, enabled, and a link stream 0x40 that is not."""
    return Ide(
        tuple(
            End(
                f"port {index}",
                BUS << 8 | DEVFN,
                link=(Stream(selective=False, control=stream_control(0x40, enabled=False)),),
                selective=(
                    Stream(
                        selective=True,
                        control=stream_control(STREAM, enabled=True, default=True),
                        rid=RidRange(0, 0xFF).registers(),
                        addresses=[AddressRange(0, (1 << 30) - 1).registers()],
                    ),
                ),
            )
            for index in range(ports)
        ),
        bus=BUS,
        devfn=DEVFN,
        segment=SEGMENT,
        on_refusal=on_refusal,
        on_session_end=on_session_end,
    )


class Keying:
    """One session in which IDE_KM is asked."""

    def __init__(self, session: Inside) -> None:
        self.session = session

    @property
    def ide(self) -> Ide:
        """The device's IDE."""
        held = self.session.wire.device.ide
        assert held is not None
        return held

    def ask(self, payload: bytes) -> bytes | None:
        """The object that answers one; None for no response at all."""
        record = self.session.seal(vendor_request(payload=b"\0" + payload))
        answer = self.session.wire.record(record)
        if answer is None:
            return None
        reply = self.session.open(answer)
        if reply[1] == 0x7F:
            return reply
        assert reply[: len(HEAD)] == HEAD, reply.hex()
        (size,) = struct.unpack_from("<H", reply, len(HEAD))
        assert len(reply) == len(HEAD) + 2 + size
        assert reply[len(HEAD) + 2] == 0
        return reply[len(HEAD) + 3 :]

    def key_prog(
        self, key: int, *, port: int = 0, stream: int = STREAM, ifv: int = 1, size: int = 40
    ) -> bytes | None:
        """KEY_PROG with so many bytes of key and IFV."""
        secret = (bytes((key, port)) + bytes(range(30)) + ifv_words(ifv))[:size]
        secret += bytes(size - len(secret))
        return self.ask(struct.pack("<B2xBxBB", 2, stream, key, port) + secret)

    def go(self, key: int, *, port: int = 0, stream: int = STREAM) -> bytes | None:
        """K_SET_GO."""
        return self.ask(struct.pack("<B2xBxBB", 4, stream, key, port))

    def stop(self, key: int, *, port: int = 0, stream: int = STREAM) -> bytes | None:
        """K_SET_STOP."""
        return self.ask(struct.pack("<B2xBxBB", 5, stream, key, port))

    def bring_up(self, keys: tuple[int, ...] = K0, *, port: int = 0) -> None:
        """KEY_PROG and K_SET_GO, key after key."""
        for key in keys:
            assert self.key_prog(key, port=port) == acknowledged(0, key, port=port)
            assert self.go(key, port=port) == gone(key, port=port)


def ifv_words(value: int) -> bytes:
    """The invocation field: its high DWORD first."""
    return struct.pack("<II", value >> 32, value & 0xFFFFFFFF)


def acknowledged(status: int, key: int, *, port: int = 0, stream: int = STREAM) -> bytes:
    """KP_ACK with every field echoed."""
    return bytes((3, 0, 0, stream, status, key, port))


def gone(key: int, *, port: int = 0, stream: int = STREAM) -> bytes:
    """K_SET_GOSTOP_ACK with every field echoed."""
    return bytes((6, 0, 0, stream, 0, key, port))


def keying(held: Ide | None = None) -> Keying:
    """A session with a device that has IDE."""
    device = able_device()
    device.ide = held or ide()
    return Keying(established(Wire(device)))


def sessions(held: Ide | None = None) -> Iterator[Keying]:
    """Sessions of one connection, one after the other, all open at once."""
    device = able_device()
    device.ide = held or ide()
    wire = Wire(device)
    requester = 0x1000
    while True:
        yield Keying(wire.by_key(requester=requester).finish())
        requester += 1
