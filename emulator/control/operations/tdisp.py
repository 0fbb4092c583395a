"""Operations on the TEE device interfaces of devices."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.control.port import ControlError
from emulator.device import Device
from emulator.device.tdi import REGISTERS, Interface
from emulator.device.tdi.interfaces import FUNCTION_MASK
from emulator.forms import Vocabulary, choice

_REGISTERS = Vocabulary(tuple(REGISTERS))


class InterfaceInfo(BaseModel):
    """A TEE device interface."""

    function: int = Field(description="Its FUNCTION_ID.")
    state: str = Field(description="Where it stands.")
    cause: str | None = Field(description="What made an error of it; null: it is in none.")
    streams: list[int] = Field(description="The IDE streams bound to it.")
    shared: list[int] = Field(
        description="The places of the ranges that are open to those outside of the TEE."
    )


class WriteFunction(OfDevices):
    """A configuration register of a function that is written."""

    function: int = Field(ge=0, le=FUNCTION_MASK, description="The FUNCTION_ID.")
    register_name: Annotated[str, AfterValidator(_REGISTERS.check), choice(_REGISTERS)] = Field(
        alias="register", description="Which register, of those that are watched under a lock."
    )


def _info(one: Interface) -> InterfaceInfo:
    return InterfaceInfo(
        function=one.function,
        state=one.state.name,
        cause=None if one.cause is None else one.cause.value,
        streams=sorted(one.streams()),
        shared=sorted(one.shared),
    )


def _interfaces(device: Device) -> Mapping[int, Interface]:
    return {} if device.tdi is None else device.tdi.by_function


@operation("tdisp.list", OfDevices)
def list_interfaces(desk: Desk, arguments: OfDevices) -> dict[str, list[InterfaceInfo]]:
    """The interfaces of devices, and where they stand; none for a device without TDISP."""
    return {
        served.name: [_info(one) for one in _interfaces(served.device).values()]
        for served in desk.devices(arguments.devices)
    }


@operation("tdisp.register", WriteFunction, changes=True)
def write_register(desk: Desk, arguments: WriteFunction) -> dict[str, str]:
    """Write a configuration register of a function, as a host does; the state of its interface.

    An interface that is locked or runs is in ERROR then.
    """
    chosen = desk.devices(arguments.devices)
    for served in chosen:
        there = _interfaces(served.device)
        if arguments.function not in there:
            listed = ", ".join(f"{number:#x}" for number in there) or "none"
            raise ControlError(
                "not-found",
                f"{served.name}: function: found {arguments.function:#x};"
                f" expected one with an interface: {listed}",
            )
    for served in chosen:
        served.apply(partial(_write, arguments=arguments))
    return {
        served.name: _interfaces(served.device)[arguments.function].state.name for served in chosen
    }


def _write(device: Device, arguments: WriteFunction) -> None:
    """Write it, where there is one: a device with a former profile may have none."""
    interface = _interfaces(device).get(arguments.function)
    if interface is not None:
        interface.written(arguments.register_name)
