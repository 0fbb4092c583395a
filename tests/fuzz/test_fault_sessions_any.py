"""Any effects of sessions, on any exchanges, over any transport: nothing is raised but what a
requester is told, and no connection that follows is any the worse."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fuzz.depth import fuzzing
from hosting import BOTH, CLEAR, SecureHost, offering
from hypothesis import given
from hypothesis import strategies as st
from secured import able_device

from emulator.entropy import Seeded
from emulator.errors import EmulatorError
from emulator.faults import Rule, arm
from emulator.faults.effect import EFFECTS, Stage
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

STAGES = (Stage.SECRETS, Stage.PLAINTEXT, Stage.RECORD, Stage.DEVICE)
MESSAGES = (
    *("KEY_EXCHANGE", "FINISH", "PSK_EXCHANGE", "PSK_FINISH", "HEARTBEAT", "KEY_UPDATE"),
    *("GET_MEASUREMENTS", "GET_DIGESTS", "END_SESSION"),
)
NUMBERS = st.integers(-70000, 70000)
HEX = st.binary(max_size=40).map(bytes.hex)

TOLD: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "shared-secret": st.builds(lambda to: {"hex": to}, HEX),
    "session-hash": st.builds(lambda to: {"hex": to}, HEX),
    "session-transcript": st.builds(
        lambda drop: {"drop": drop},
        st.sampled_from(["KEY_EXCHANGE", "FINISH_RSP", "chain", "signature", "verify-data"]),
    ),
    "key-salt": st.builds(lambda to: {"to": to}, HEX),
    "verify-data": st.builds(lambda to: {"hex": to}, HEX),
    "inner-length": st.builds(lambda by: {"by": by}, NUMBERS),
    "inner-padding": st.builds(lambda count: {"count": count}, st.integers(1, 1 << 20)),
    "record-sequence": st.builds(
        lambda by, stays: {"by": by, "stays": stays}, NUMBERS, st.booleans()
    ),
    "record-session": st.builds(lambda to: {"to": to}, st.integers(0, 0xFFFFFFFF)),
    "record-key": st.builds(
        lambda of: {"of": of},
        st.sampled_from(["request", "handshake", "before-update", "other-session"]),
    ),
    "record-length": st.builds(lambda by: {"by": by}, NUMBERS),
    "record-tag": st.builds(lambda by: {"make": "short", "by": by}, st.integers(1, 16)),
    "forget-session": st.builds(
        lambda which, answer: {"which": which, "answer": answer},
        st.sampled_from(["this", "others", "all"]),
        st.sampled_from([None, "BUSY"]),
    ),
    "heartbeat-patience": st.builds(
        lambda periods: {"periods": periods}, st.none() | st.floats(0.01, 10000)
    ),
    "extend": st.builds(lambda count: {"count": count}, st.integers(1, 1 << 20)),
    "truncate": st.builds(lambda to: {"to": to}, st.integers(0, 60)),
    "overwrite": st.builds(lambda at, to: {"at": at, "hex": to}, st.integers(-40, 40), HEX),
}
ALONE = ("swap-directions", "key-version", "in-the-clear", "in-a-record", "inner-type", "randomize")
"""What may go by its name alone; the others are told more."""


@st.composite
def rules(draw: Callable[..., Any]) -> Rule:
    """A rule of effects of one stage, on the first connection."""
    stage = draw(st.sampled_from(STAGES))
    able = [name for name in (*TOLD, *ALONE) if stage in EFFECTS[name].STAGES]
    names = draw(st.lists(st.sampled_from(able), min_size=1, max_size=3))
    made = [name if name in ALONE else {name: draw(TOLD[name])} for name in names]
    message = draw(st.none() | st.sampled_from(MESSAGES))
    on = {"connection": 1} | ({} if message is None else {"message": message})
    commit = draw(st.booleans())
    return Rule.model_validate(
        {"name": "r", "on": on, "at": str(stage), "do": made, "commit": commit}
    )


def all_of_it(host: SecureHost) -> None:
    """Two sessions, and what is asked in them and beside them."""
    run = host.run
    for opening in (host.requester.session, None):
        session = run(opening()) if opening else host.psk_session()
        for flow in (
            session.heartbeat,
            session.update_keys,
            session.digests,
            host.requester.digests,
            session.end_session,
        ):
            try:
                run(flow())
            except EmulatorError:
                if not host.connection.sessions:
                    break


@fuzzing(150)
@given(
    bent=st.lists(rules(), min_size=1, max_size=3),
    binding=st.sampled_from((DOE, MCTP, TCP)),
    how=st.sampled_from((BOTH, CLEAR)),
)
def test_any_fault_in_sessions(bent: list[Rule], binding: Any, how: Any) -> None:
    device = able_device()
    named = [one.model_copy(update={"name": f"r{at}"}) for at, one in enumerate(bent)]
    arm(device, named, Seeded("faults"))
    offer = offering(how, dhe=("SECP_256_R1",))
    host = SecureHost(device, offer=offer, binding=binding).connected()
    with suppress(EmulatorError):
        all_of_it(host)
    host.endpoint.left("done")
    assert not device.sessions.live
    after = SecureHost(device, offer=offer, binding=binding).connected()
    session = after.session()
    after.run(session.heartbeat())
    after.run(session.update_keys())
    after.run(session.end_session())
