"""The form of control on a socket: one JSON object a line, either way.

A request is `{"id": …, "op": NAME, "args": {…}}`, its answer `{"id": …, "ok": true, "result": …}`
or `{"id": …, "ok": false, "error": {…}}`; an event comes as `{"event": {…}}`, and `{"dropped": n}`
tells that n events were lost, as they were not read fast enough. `id` is any JSON value, given back
as it is; answers may come in another order than their requests. Beside the operations there are
`events.subscribe` with `devices` and `kinds`, and `events.unsubscribe`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.control.port import ControlError

LONGEST = 1 << 20
"""The longest line, bytes."""

SUBSCRIBE, UNSUBSCRIBE = "events.subscribe", "events.unsubscribe"
"""What a connection does for itself."""


def read_object(line: bytes) -> dict[str, Any]:
    """The JSON object of a line. Raises ControlError."""
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ControlError("invalid", f"request: found no JSON: {error}") from None
    if not isinstance(read, dict):
        raise ControlError("invalid", "request: found no object; expected op, args and id")
    return read


def request(number: int, operation: str, arguments: Mapping[str, Any]) -> bytes:
    """The line of a request."""
    return line({"id": number, "op": operation, "args": dict(arguments)})


def answer(number: Any, result: Any) -> dict[str, Any]:
    """A good answer."""
    return {"id": number, "ok": True, "result": result}


def refusal(number: Any, error: ControlError) -> dict[str, Any]:
    """A bad answer."""
    return {"id": number, "ok": False, "error": error.as_json()}


def result_of(read: Mapping[str, Any]) -> Any:
    """The result of an answer. Raises ControlError where it is a refusal."""
    if read.get("ok"):
        return read.get("result")
    error = read.get("error") or {}
    problems: Sequence[str] = error.get("problems") or ["no reason was given"]
    raise ControlError(error.get("code", "failed"), problems)


def line(value: Mapping[str, Any]) -> bytes:
    """A line on the wire."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
