"""What a line asks for: requests, and which events a peer wants to hear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from emulator.control.lines import SUBSCRIBE
from emulator.control.operation import Arguments, read_arguments
from emulator.control.port import ControlError, Wanted
from emulator.forms.words import shown

_KEYS = frozenset(("id", "op", "args"))


class Subscribe(Arguments):
    """Which events to hear."""

    devices: list[str] = Field(default=["*"], description="Devices, by names or patterns.")
    kinds: list[str] = Field(default=["*"], description="Kinds of events, likewise.")


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        id: what its answer bears.
        operation: the operation's name.
        arguments: its arguments.
    """

    id: Any
    operation: str
    arguments: Mapping[str, Any]


def request_of(read: Mapping[str, Any]) -> Request:
    """The request an object is. Raises ControlError."""
    unknown = sorted(read.keys() - _KEYS)
    if unknown:
        found = shown(unknown[0])
        raise ControlError("invalid", f"request: found the key {found}; expected op, args and id")
    operation, arguments = read.get("op"), read.get("args", {})
    if not isinstance(operation, str):
        raise ControlError("invalid", "op: expected the name of an operation")
    if not isinstance(arguments, dict):
        raise ControlError("invalid", "args: expected an object")
    return Request(read.get("id"), operation, arguments)


def read_subscribe(arguments: Mapping[str, Any]) -> Wanted:
    """Which events a subscription is for. Raises ControlError."""
    read = read_arguments(SUBSCRIBE, Subscribe, arguments)
    return Wanted(tuple(read.devices), tuple(read.kinds))
