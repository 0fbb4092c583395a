"""Whatever a peer sends in whatever state: no exception, well-formed replies, no harm done."""

import pytest
from devices import device, get_capabilities, get_digests, snapshot, spdm_frame
from fuzz.depth import fuzzing
from fuzz.hostile import GOOD, LADDER, Attached, frames, messages, mutated
from hypothesis import given
from hypothesis import strategies as st

from emulator.device import Sizes
from emulator.endpoint import Answered
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import LAYOUTS
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.transport.tcp import TCP
from emulator.wire import parse

states = pytest.mark.parametrize("state", State, ids=lambda state: state.name)


@states
@fuzzing(20)
@given(pieces=st.lists(st.binary(max_size=100), max_size=10))
def test_any_bytes(state: State, pieces: list[bytes]) -> None:
    shared = device()
    attached, other = Attached(state, to=shared), Attached(State.AFTER_CERTIFICATE, to=shared)
    before = snapshot(other.endpoint.responder.connection)
    for piece in pieces:
        if not attached.send(piece):
            break
    assert snapshot(other.endpoint.responder.connection) == before
    other.converse()


@states
@fuzzing(20)
@given(
    stream=mutated(
        st.lists(st.sampled_from(GOOD), min_size=1, max_size=4).map(
            lambda requests: b"".join(map(spdm_frame, requests))
        )
    )
)
def test_a_stream_that_was_good_once(state: State, stream: bytes) -> None:
    shared = device()
    Attached(state, to=shared).send(stream)
    Attached(to=shared).converse()


@states
@fuzzing(30)
@given(sent=st.lists(frames(), max_size=6))
def test_any_frames_and_the_next_conversation_succeeds(state: State, sent: list[bytes]) -> None:
    shared = device()
    attached, other = Attached(state, to=shared), Attached(State.AUTHENTICATED, to=shared)
    before = snapshot(other.endpoint.responder.connection)
    for one in sent:
        assert attached.send(one)
    attached.converse()
    assert snapshot(other.endpoint.responder.connection) == before


@fuzzing(60)
@given(
    sent=st.lists(
        st.one_of(messages(), st.sampled_from(GOOD))
        .map(TCP.wrap)
        .flatmap(lambda one: st.one_of(st.just(one), mutated(st.just(one)))),
        max_size=6,
    )
)
def test_any_tcp_messages_alone(sent: list[bytes]) -> None:
    shared = device()
    attached = Attached(to=shared)
    attached.send(TCP.wrap(LADDER[0]))
    assert attached.alone
    for one in sent:
        if not attached.send(one):
            break
    Attached(to=shared).converse()


@states
@fuzzing(40)
@given(request=messages())
def test_every_reply_is_a_message_of_its_own_kind(state: State, request: bytes) -> None:
    attached = Attached(state)
    connection = attached.endpoint.responder.connection
    before = snapshot(connection)
    attached.events.clear()
    assert attached.send(spdm_frame(request))
    answered = attached.events[-1]
    if not isinstance(answered, Answered):
        return  # a vendor protocol had nothing to say
    raw = answered.raw
    if answered.error is not None:
        assert raw[1:3] == bytes((0x7F, answered.error.code))
        assert raw[0] in {0x10, 0x12, 0x13}
        if request[1:2] == b"\xe0" and len(request) >= 4:  # gives up L1/L2
            before.parts[Part.M] = ()
            before.fields["measured"] = None
        assert snapshot(connection) == before
        return
    assert raw[1] == request[1] & 0x7F
    shape = connection.shape(
        signature=request[1] == 0x83 or (request[1] == 0xE0 and bool(request[2] & 1)),
        summary=request[1] == 0x83 and request[3] != 0,
    )
    _, end = parse(LAYOUTS[raw[1]], raw, shape)
    assert end == len(raw)


@fuzzing(60)
@given(
    transmit=st.integers(42, 4600),
    portion=st.one_of(st.just(0), st.integers(1, 5000)),
    requester=st.one_of(st.integers(42, 5000), st.just(0xFFFFFFFF)),
    chunks=st.booleans(),
    data=st.data(),
)
def test_every_reply_fits_everybody(
    *, transmit: int, portion: int, requester: int, chunks: bool, data: st.DataObject
) -> None:
    """No frame carries more than QEMU takes, no message more than either side said."""
    held = device(sizes=Sizes(transmit=transmit, certificate_portion=portion))
    attached = Attached(State.AFTER_VERSION, to=held)
    flags = Cap.CHUNK if chunks else 0
    largest = 0xFFFFFFFF if chunks else requester
    attached.send(spdm_frame(get_capabilities(size=requester, largest=largest, flags=flags)))
    attached.send(spdm_frame(LADDER[2]))
    requests = data.draw(st.lists(st.one_of(st.sampled_from(GOOD), messages()), max_size=8))
    for request in (get_digests(), *requests):
        if request[1:2] == b"\x84":
            continue  # it would forget the sizes
        assert attached.send(spdm_frame(request))
        answered = attached.events[-1]
        assert not isinstance(answered, Answered) or len(answered.raw) <= min(requester, transmit)
