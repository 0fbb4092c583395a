"""How an operation is declared: once, with the forms of its arguments and its result.

Everything that carries operations (the socket, `ctl`, MQTT, the docs) reads them from OPERATIONS.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from emulator.control.desk import Desk
from emulator.control.port import ControlError
from emulator.forms import Part
from emulator.forms.words import listed, shown, suggestion


class Arguments(Part):
    """Base of the arguments of operations: as strict as files are."""


class OfDevices(Arguments):
    """The arguments of an operation on devices."""

    devices: list[str] = Field(
        default=["*"],
        min_length=1,
        description="The devices, by their names or by patterns such as nvme-*.",
    )


Run = Callable[[Desk, Any], Awaitable[Any] | Any]


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        name: what it is called.
        about: what it does, in a sentence.
        arguments: the form of its arguments.
        result: the form of its result.
        run: carries it out. Raises ControlError.
        changes: it changes something.
    """

    name: str
    about: str
    arguments: type[Arguments]
    result: TypeAdapter[Any]
    run: Run
    changes: bool

    @property
    def of_devices(self) -> bool:
        """Whether it is about devices, each of which may be somewhere else."""
        return issubclass(self.arguments, OfDevices)

    def read(self, arguments: Mapping[str, Any]) -> Arguments:
        """The arguments in their form. Raises ControlError with a line for every problem."""
        return read_arguments(self.name, self.arguments, arguments)


_A = TypeVar("_A", bound=Arguments)


def read_arguments(name: str, form: type[_A], arguments: Mapping[str, Any]) -> _A:
    """The arguments of an operation. Raises ControlError with a line for every problem."""
    try:
        return form.model_validate(dict(arguments))
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise ControlError("invalid", [_problem(name, form, dict(one)) for one in errors]) from None


def _problem(name: str, form: type[Arguments], error: dict[str, Any]) -> str:
    """What is wrong with an argument, and what would be right."""
    where = ".".join(str(step) for step in error["loc"]) or "arguments"
    known = [field.alias or key for key, field in form.model_fields.items()]
    if error["type"] == "extra_forbidden":
        expect = listed(known) + suggestion(where, known) if known else "no arguments"
        return f"{name}: {where}: found an unknown key; expected {expect}"
    context = error.get("ctx", {})
    told = error["msg"][:1].lower() + error["msg"][1:]
    expect = str(context.get("expected") or told.removeprefix("input should be "))
    missing = "nothing" if error["type"] == "missing" else shown(str(error["input"]))
    expect = "a value" if error["type"] == "missing" else expect
    return f"{name}: {where}: found {context.get('found') or missing}; expected {expect}"


OPERATIONS: dict[str, Operation] = {}
"""All operations by name; filled when `operations` is imported."""


def operation(
    name: str, arguments: type[Arguments] = Arguments, *, changes: bool = False
) -> Callable[[Run], Run]:
    """Register what carries out an operation; its first line of documentation says what it does."""

    def register(run: Run) -> Run:
        about = (inspect.getdoc(run) or "").partition("\n\n")[0].replace("\n", " ")
        result = inspect.signature(run, eval_str=True).return_annotation
        OPERATIONS[name] = Operation(
            name, about, arguments, TypeAdapter(result), run, changes=changes
        )
        return run

    return register


def find(name: str) -> Operation:
    """The operation of this name. Raises ControlError."""
    found = OPERATIONS.get(name)
    if found is None:
        hint = suggestion(name, OPERATIONS)
        raise ControlError(
            "unknown-operation",
            f"operation: found {shown(name)}; expected {listed(OPERATIONS)}{hint}",
        )
    return found
