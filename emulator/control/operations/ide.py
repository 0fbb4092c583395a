"""Operations on the IDE streams of devices."""

from functools import partial

from pydantic import BaseModel, Field

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.control.port import ControlError
from emulator.device import Device
from emulator.forms import U8, U32
from emulator.link import PLACES, End, KeyState, Stream


class IdeStreamInfo(BaseModel):
    """An IDE stream."""

    stream: int = Field(description="Its Stream ID.")
    kind: str = Field(description="selective or link.")
    enabled: bool = Field(description="Its enable bit.")
    state: str = Field(description="SECURE or INSECURE.")
    failed: bool = Field(description="Whether its status says that IDE check failed.")
    keys: dict[str, str] = Field(
        description="Where each key stands, by its set, direction and sub-stream; the others are"
        " EMPTY."
    )


class IdePortInfo(BaseModel):
    """A port with IDE."""

    port: int = Field(description="Its index.")
    streams: list[IdeStreamInfo] = Field(description="Its streams.")
    registers: list[int] = Field(
        description="The registers of its IDE extended capability, from the capability register on."
    )


class WriteRegister(OfDevices):
    """A register of the IDE extended capability, and what is written to it."""

    port: U8 = Field(default=0, description="The index of the port.")
    index: int = Field(
        ge=0, description="Which register, counted from the capability register, which is 0."
    )
    value: U32 = Field(description="What is written; bits that are read-only stay as they are.")


def _stream(stream: Stream) -> IdeStreamInfo:
    keys = {str(place): stream.key_state(place) for place in PLACES}
    return IdeStreamInfo(
        stream=stream.id,
        kind="selective" if stream.selective else "link",
        enabled=stream.enabled,
        state=stream.state.name,
        failed=stream.failed,
        keys={place: state.name for place, state in keys.items() if state is not KeyState.EMPTY},
    )


def _port(index: int, port: End) -> IdePortInfo:
    streams = [_stream(stream) for stream in port.streams]
    return IdePortInfo(port=index, streams=streams, registers=list(port.registers()))


def _ports(device: Device) -> tuple[End, ...]:
    return () if device.ide is None else device.ide.ports


@operation("ide.list", OfDevices)
def list_ide(desk: Desk, arguments: OfDevices) -> dict[str, list[IdePortInfo]]:
    """The ports with IDE, their streams and registers; none for a device without IDE."""
    return {
        served.name: [_port(index, port) for index, port in enumerate(_ports(served.device))]
        for served in desk.devices(arguments.devices)
    }


@operation("ide.register", WriteRegister, changes=True)
def write_register(desk: Desk, arguments: WriteRegister) -> dict[str, int]:
    """Write a register of a port's IDE extended capability, as a host does; what it holds then."""
    chosen = desk.devices(arguments.devices)
    for served in chosen:
        ports = _ports(served.device)
        if arguments.port >= len(ports):
            there = f"0 to {len(ports) - 1}" if ports else "none"
            raise ControlError(
                "not-found",
                f"{served.name}: port: found {arguments.port}; expected a port with IDE: {there}",
            )
        size = len(ports[arguments.port].registers())
        if arguments.index >= size:
            raise ControlError(
                "not-found",
                f"{served.name}: index: found {arguments.index}; expected 0 to {size - 1}",
            )
    for served in chosen:
        served.apply(partial(_write, arguments=arguments))
    return {
        served.name: _ports(served.device)[arguments.port].registers()[arguments.index]
        for served in chosen
    }


def _write(device: Device, arguments: WriteRegister) -> None:
    """Write it, where there is one: a device with a former profile may have none."""
    ports = _ports(device)
    if arguments.port < len(ports):
        port = ports[arguments.port]
        if arguments.index < len(port.registers()):
            port.write(arguments.index, arguments.value)
