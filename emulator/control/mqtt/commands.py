"""Commands that come over MQTT, and the answers to them. Pure.

MQTT 5 has the properties Response Topic and Correlation Data for this; a client of MQTT 3.1.1 says
`reply_to` and `id` in the payload instead. Whatever a payload is, there is an answer if it says
where.
"""

import glob
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from emulator.control.mqtt.topics import At, TopicError, check_topic
from emulator.control.mqtt.window import Item
from emulator.control.operation import find
from emulator.control.port import ControlError

LARGEST = 1 << 20
"""Bytes of a command."""

_EXAMPLE = 'a JSON object such as {"op": "devices.list", "args": {}}'
_KEYS = ("op", "args", "id", "reply_to")


@dataclass(frozen=True)
class Route:
    """Where an answer goes.

    Attributes:
        topic: its topic; None: nobody wants it.
        correlation: the Correlation Data it carries.
        id: what its payload repeats.
    """

    topic: str | None
    correlation: bytes | None = None
    id: Any = None


@dataclass(frozen=True)
class Command:
    """A command, as good as its sender made it.

    Attributes:
        route: where the answer goes.
        operation: what to do.
        arguments: with what.
        problem: why nothing can be done, instead.
    """

    route: Route
    operation: str = ""
    arguments: Mapping[str, Any] | None = None
    problem: ControlError | None = None


def read(
    at: At, payload: bytes, *, response_topic: str | None = None, correlation: bytes | None = None
) -> Command:
    """A command from a message; what is wrong with it is in the command."""
    said: dict[str, Any] = {}
    route = Route(response_topic, correlation)
    try:
        said = _object(payload)
        route = _route(said, response_topic, correlation)
        return Command(route, *_what(at, said))
    except ControlError as error:
        return Command(route, problem=error)


def answer(command: Command, emulator: str, result: Any = None) -> Item | None:
    """The answer to a command; None if nobody wants one.

    Args:
        command: the command.
        emulator: who answers.
        result: the operation's result, or the ControlError it ended in.
    """
    route = command.route
    if route.topic is None:
        return None
    said: dict[str, Any] = {} if route.id is None else {"id": route.id}
    error = command.problem or (result if isinstance(result, ControlError) else None)
    said |= {"ok": error is None, "emulator": emulator}
    said |= {"result": result} if error is None else {"error": error.as_json()}
    return Item(route.topic, encoded(said), route.correlation)


def encoded(value: Any) -> bytes:
    """JSON, short, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > LARGEST:
        raise _invalid(f"found {len(payload)} bytes; expected at most {LARGEST}")
    try:
        said = json.loads(payload, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"found no JSON ({error}); expected {_EXAMPLE}") from None
    if not isinstance(said, dict):
        raise _invalid(f"found a {type(said).__name__}; expected {_EXAMPLE}")
    return said


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _route(said: Mapping[str, Any], response_topic: str | None, correlation: bytes | None) -> Route:
    topic = response_topic if response_topic is not None else said.get("reply_to")
    if topic is not None:
        try:
            topic = check_topic(topic, what="reply_to")
        except TopicError as error:
            raise _invalid(str(error)) from None
    return Route(topic, correlation, said.get("id"))


def _what(at: At, said: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation and its arguments; those of a device's topic are about that device."""
    for key in said:
        if key not in _KEYS:
            raise _invalid(f"found the key {key!r:.60}; expected {', '.join(_KEYS)}")
    name, arguments = said.get("op"), said.get("args", {})
    if not isinstance(name, str):
        raise _invalid(f"op: found {name!r:.60}; expected the name of an operation")
    if not isinstance(arguments, dict):
        raise _invalid(f"args: found {arguments!r:.60}; expected an object")
    device = at.names.get("device")
    if device is None:
        return name, arguments
    if not find(name).of_devices:
        raise _invalid(f"{name} is of no device; expected it at an emulator's command topic")
    if arguments.get("devices", [device]) != [device]:
        found = encoded(arguments["devices"]).decode()
        raise _invalid(f"args.devices: found {found:.60}; expected nothing, as the topic says it")
    return name, arguments | {"devices": [glob.escape(device)]}


def _invalid(problem: str) -> ControlError:
    return ControlError("invalid", f"command: {problem}")
