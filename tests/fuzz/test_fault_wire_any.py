"""Any effects of frame and delivery, in any order, on any transport: nothing is raised, and no peer
is left waiting for ever."""

from typing import Any

from devices import GET_VERSION, device, frame, get_capabilities, spdm_frame
from hypothesis import given
from hypothesis import strategies as st
from unit.faults.wired import Wired, rule

from emulator.device import Timing
from emulator.endpoint import Close, Send
from emulator.errors import FrameError
from emulator.faults.effect import EFFECTS, Stage
from emulator.forms.fields import MAX_DELAY
from emulator.transport.spdm_socket import FrameReader
from emulator.transport.stream import Reader
from emulator.transport.tcp import TcpReader

DEVICE = device(timing=Timing(delay=0.5))
SIZES = st.integers(-40, 60)
LIMITS = st.integers(1, 5000)
WHEN = st.sampled_from(["before", "during", "after"])

FRAME: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([name for name, cls in EFFECTS.items() if cls.STAGES == (Stage.FRAME,)]),
    st.builds(lambda by: {"doe-length": {"by": by}}, SIZES),
    st.builds(lambda by: {"frame-size": {"by": by}}, SIZES),
    st.builds(lambda count: {"doe-padding": {"count": count, "hex": "a1b2c3"}}, LIMITS),
    st.builds(lambda size: {"oversize": {"size": size}}, LIMITS),
    st.builds(lambda to: {"frame-command": {"to": to}}, st.integers(0, 0xFFFFFFFF)),
)
DELIVERY: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([name for name, cls in EFFECTS.items() if cls.STAGES == (Stage.DELIVERY,)]),
    st.builds(lambda after, close: {"cut": {"after": after, "close": close}}, SIZES, st.booleans()),
    st.builds(
        lambda size, every: {"drip": {"bytes": size, "every": every}},
        st.integers(1, 60),
        st.floats(0, MAX_DELAY),
    ),
    st.builds(lambda at: {"split": {"at": at}}, st.integers(1, 60)),
    st.builds(lambda when: {"close": {"when": when}}, WHEN),
    st.builds(lambda when: {"reset": {"when": when}}, WHEN),
)
REQUESTS = st.sampled_from(
    [
        (spdm_frame(GET_VERSION), spdm_frame(get_capabilities())),
        (frame(b"\x05" + GET_VERSION, transport=1), frame(b"\x05\x13", transport=1)),
        (frame(GET_VERSION, transport=0), frame(b"", transport=0)),
        (bytes.fromhex("0600 01 05") + GET_VERSION, bytes.fromhex("0400 01 05 1381")),
    ]
)


@given(st.lists(FRAME, max_size=4), st.lists(DELIVERY, max_size=4), REQUESTS)
def test_every_fault_comes_to_an_end(
    bent: list[Any], left: list[Any], requests: tuple[bytes, ...]
) -> None:
    rules = [rule(*do, name=name, on={}) for name, do in (("bent", bent), ("left", left)) if do]
    wired = Wired(*rules, to=DEVICE)
    alone = requests[0][0] != 0  # no frame begins like this
    for now, request in enumerate(requests):
        actions = wired.actions(request, float(now))
        times = [action.not_before for action in actions if action.not_before]
        assert times == sorted(times)
        assert all(isinstance(action, Send) for action in actions[:-1])
        if actions and isinstance(actions[-1], Close):
            assert wired.endpoint.timer() is None
            return
        ends = wired.endpoint.timer()
        assert complete(actions, TcpReader() if alone else FrameReader()) or ends is not None
        assert ends is None or ends >= max(times, default=0.0)


def complete(actions: list[Any], reader: Reader) -> bool:
    """Whether what was sent is whole frames alone."""
    try:
        frames = [*reader.feed(b"".join(action.data for action in actions))]
    except FrameError:
        return False
    return bool(frames) and not reader.pending
