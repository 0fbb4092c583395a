"""Records of any bytes, in every state of a session: one answer at most, and no other's state.

Beside the session that is met there are another of the same connection and one of another
connection, which go on whatever happens.
"""

from collections.abc import Callable

from devices import error, get_measurements
from fuzz.depth import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from secured import (
    BY_KEY,
    BY_PSK,
    REQUESTER,
    Inside,
    Wire,
    able_device,
    established,
    key_exchange,
    plain,
    psk_exchange,
)

from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.key_schedule import Direction
from emulator.spdm.session import Phase
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

VERSION = 0x13
ID_SIZE = 4
MOST = 400
DECRYPT = error(VERSION, ErrorCode.DECRYPT_ERROR)

bindings = st.sampled_from((DOE, MCTP, TCP))


def _updating(operation: int) -> Callable[[Wire], Inside]:
    def begin(wire: Wire) -> Inside:
        session = established(wire)
        session.update(operation)
        return session

    return begin


def _unheard(wire: Wire) -> Inside:
    """The device has new keys, and its requester does not know."""
    session = established(wire)
    wire.record(session.seal(plain(VERSION, 0xE9, 1, 1)))
    session.secrets.traffic(Direction.RESPONSE).sequence += 1
    return session


def _updated(wire: Wire) -> Inside:
    session = established(wire)
    session.update(2)
    session.update(3)
    return session


STATES: dict[str, Callable[[Wire], Inside]] = {
    "in the handshake of a key exchange": BY_KEY,
    "in the handshake of a pre-shared key": BY_PSK,
    "established by key": lambda wire: established(wire, BY_KEY),
    "established by pre-shared key": lambda wire: established(wire, BY_PSK),
    "with a new key that is not proven": _updating(1),
    "with new keys that are not proven": _updating(2),
    "with new keys that were not heard of": _unheard,
    "with new keys": _updated,
}
states = st.sampled_from(sorted(STATES))


class Met:
    """A session that is met, and those beside it."""

    def __init__(self, state: str, binding: Binding, flags: Cap = REQUESTER) -> None:
        device = able_device()
        self.wire = Wire(device, binding=binding, flags=flags)
        other = Wire(device, binding=binding)
        self.beside = (established(self.wire, BY_PSK), established(other))
        self.session = STATES[state](self.wire)

    def others_live(self) -> None:
        """The sessions beside it go on, and so does what is said outside of all."""
        for session in self.beside:
            assert session.held.phase is Phase.ESTABLISHED
            assert session.good(plain(VERSION, 0xE8)) == plain(VERSION, 0x68)
            assert session.good(get_measurements(VERSION))
        live = {session.held for session in self.beside}
        own = self.wire.connection.sessions.get(self.session.id)
        assert self.wire.device.sessions.live == (live if own is None else live | {own})
        assert self.wire.good(get_measurements(VERSION))

    def is_over(self) -> bool:
        return self.session.id not in self.wire.connection.sessions


def _answered(met: Met, record: bytes, request: bytes) -> None:
    """What a record of any bytes is answered with."""
    session, number = met.session, int.from_bytes(record[:ID_SIZE], "little")
    taken = {one.id for one in met.beside}
    if len(record) >= ID_SIZE and number in taken:
        return  # the other's, and rightly over
    answer = met.wire.record(record)
    if len(record) < ID_SIZE or number != session.id:
        assert answer is None
        assert not met.is_over()
    elif not record.startswith(request):
        assert answer is not None
        assert session.open(answer) == DECRYPT
        assert met.is_over()
        assert met.wire.record(request) is None
    else:
        assert answer is not None
    met.others_live()


@fuzzing(60)
@given(state=states, binding=bindings, tail=st.binary(max_size=MOST), ours=st.booleans())
def test_any_bytes(state: str, binding: Binding, tail: bytes, *, ours: bool) -> None:
    met = Met(state, binding)
    request = met.session.seal(plain(VERSION, 0xE8))
    record = request[:ID_SIZE] + tail if ours else tail
    _answered(met, record, request)


@fuzzing(120)
@given(
    state=states,
    binding=bindings,
    encrypted=st.booleans(),
    edits=st.lists(
        st.tuples(
            st.sampled_from(("set", "insert", "remove", "cut", "twice")),
            st.integers(0, MOST),
            st.integers(0, 255),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_records_that_were_good(
    state: str, binding: Binding, edits: list[tuple[str, int, int]], *, encrypted: bool
) -> None:
    met = Met(state, binding, REQUESTER if encrypted else REQUESTER & ~Cap.ENCRYPT)
    request = met.session.seal(plain(VERSION, 0xE8))
    record = bytearray(request)
    for what, where, value in edits:
        at = where % (len(record) + 1)
        if what == "set" and record:
            record[at % len(record)] = value
        elif what == "insert":
            record.insert(at, value)
        elif what == "remove":
            del record[at : at + 1 + value % 8]
        elif what == "cut":
            del record[at:]
        elif what == "twice":
            record += record[at:]
    _answered(met, bytes(record), request)


@fuzzing(120)
@given(
    state=states,
    binding=bindings,
    message=st.one_of(
        st.binary(max_size=MOST),
        st.builds(
            lambda code, rest: bytes((VERSION, code)) + rest,
            st.sampled_from(
                (0xE0, 0xE1, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEC, 0x81, 0x84)
            ),
            st.binary(min_size=2, max_size=MOST),
        ),
        st.sampled_from((key_exchange(VERSION, bytes(96)), psk_exchange(VERSION))),
    ),
)
def test_any_message_in_a_good_record(state: str, binding: Binding, message: bytes) -> None:
    """It is answered inside, and at most its own session ends."""
    met = Met(state, binding)
    session = met.session
    answer = met.wire.record(session.seal(message))
    assert answer is not None
    if message[1:2] != b"\xe9":  # else the keys may have moved on
        reply = session.open(answer)
        assert len(reply) >= 4
        assert reply[1] == 0x7F or reply[1] == message[1] & 0x7F
        ends = reply[:2] == bytes((VERSION, 0x6C)) or reply == DECRYPT
        assert met.is_over() == ends
    met.others_live()
