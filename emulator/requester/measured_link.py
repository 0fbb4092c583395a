"""Whether a device measures what a host has brought up of its link: no more of it, and no less.

What the measurement must be is computed from the host's own end of the link. A measurement of state
is known by its value, which said before that nothing is up, or is raw: nobody needs to be told its
index.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from emulator.ask import ReportedMeasurement
from emulator.crypto import hashes
from emulator.device.measured_state import StateOf, at_rest, read_state, state_json, state_text
from emulator.requester.measuring import Measured

STEPS = (
    "link measurement count",
    "link measurements",
    "link measurement signature",
    "measured link",
)
"""The steps once the link is up."""

Told = tuple[str, dict[str, Any]]
_MAGIC = 4


def judge_link(
    before: Measured, after: Measured, expected: Mapping[StateOf, bytes], hash_name: str
) -> tuple[Told, bool | None]:
    """What to say of the measurements with the link up, and whether they are right.

    Args:
        before: what was measured before anything was brought up.
        after: what is measured since.
        expected: the raw values of what was brought up.
        hash_name: the measurement hash that was agreed.

    None in place of whether they are right: the device measures nothing of its link.
    """
    earlier = {one.index: one for one in before.measurements}
    shown: dict[int, StateOf] = {}
    wrong: list[str] = []
    for one in after.measurements:
        was = earlier.get(one.index)
        right = [of for of, value in expected.items() if _is(one, value, hash_name)]
        of = _of(was, hash_name) or _of(one, hash_name)
        if right:
            shown[one.index] = right[0]
        elif of is not None and of in expected:
            wrong.append(f"index {one.index} has {_text(one)}, not {_said(expected[of])}")
        elif was is None or was.value != one.value:
            wrong.append(f"index {one.index} has changed to {_text(one)} meanwhile")
    facts = {
        "shown": {str(index): of.value for index, of in shown.items()},
        "expected": {of.value: _json(value) for of, value in expected.items()},
        "wrong": wrong,
    }
    detail = "; ".join(wrong or _good(shown, expected))
    if not detail:
        return ("no measurement tells of the link", facts), None
    return (detail, facts), not wrong


def _of(one: ReportedMeasurement | None, hash_name: str) -> StateOf | None:
    """What a measurement shows the state of, where its value says so."""
    if one is None:
        return None
    for of in StateOf:
        rest = at_rest(of)
        if one.value[:_MAGIC] == rest[:_MAGIC] if one.raw else _is(one, rest, hash_name):
            return of
    return None


def _is(one: ReportedMeasurement, value: bytes, hash_name: str) -> bool:
    """Whether a raw value is reported: itself, or its digest."""
    return one.value == (value if one.raw else hashes.digest(hash_name, value))


def _good(shown: Mapping[int, StateOf], expected: Mapping[StateOf, bytes]) -> Iterator[str]:
    for index, of in shown.items():
        yield f"index {index} has {_said(expected[of])}"


def _said(value: bytes) -> str:
    state = read_state(value)
    return value.hex() if state is None else state_text(state)


def _text(one: ReportedMeasurement) -> str:
    return _said(one.value) if one.raw else one.value.hex()


def _json(value: bytes) -> Any:
    state = read_state(value)
    return value.hex() if state is None else state_json(state)
