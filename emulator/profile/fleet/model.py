"""The fleet file: one model, which is also its JSON Schema and its reference."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from emulator.faults import Rule
from emulator.forms import U16, Line, Part, refusal, unique
from emulator.profile.broker import Broker
from emulator.profile.fields import FilePath
from emulator.profile.fleet.numbered import misfit
from emulator.profile.limits import ProcessLimits
from emulator.profile.schema import Schema, plain_schema

MAX_DEVICES = 0xFFFF
"""How many devices a fleet may have."""

MAX_WORKERS = 256
"""How many processes may share them."""


def _numbered(text: str) -> str:
    wrong = misfit(text)
    if wrong:
        raise refusal("{n}, or {n:FORMAT} with a format such as 04 or 08x", f'"{wrong}"')
    return text


Numbered = Annotated[Line, AfterValidator(_numbered)]
"""Text in which `{n}` stands for the device's number."""


class Devices(Part):
    """Devices of one profile.

    In text, `{n}` stands for the number of a device; `{n:04}` has four digits, `{n:08x}` eight
    hexadecimal ones.
    """

    profile: Line = Field(
        min_length=1,
        description="The name of a ready profile, or a path relative to this file.",
    )
    name: Numbered | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="What a device is called in this fleet, unique in it, such as nvme-{n};"
        " null: as its profile, with a number behind it where there are several. The name in"
        " certificates stays the profile's.",
    )
    count: int = Field(default=1, ge=1, le=MAX_DEVICES, description="How many devices.")
    first: int = Field(default=1, ge=0, le=0xFFFFFFFF, description="The number of the first.")
    set: dict[str, Any] = Field(
        default={},
        description="Profile values that are others here, by their paths, such as"
        " `listener.path` or `measurements[0].text`. Text with {n} in it is read once the number"
        ' stands there: "0x{n:x}" is a number.',
    )
    presets: Annotated[list[Line], AfterValidator(unique)] = Field(
        default=[], description="Faults of the catalogue, behind those of the profile."
    )
    faults: list[Rule] = Field(
        default=[], description="Fault rules, behind those of the profile; see the reference."
    )
    host: Line | None = Field(
        default=None, min_length=1, description="Where they listen; null: the profile's."
    )
    port: U16 | None = Field(
        default=None,
        description="The first device's TCP port, from which it counts up; 0 lets the system"
        " choose, and every device is told with its port; null: the profile's.",
    )
    path: Numbered | None = Field(
        default=None,
        min_length=1,
        description="A Unix socket for each to listen on instead, with {n} in it where there are"
        " several; relative to this file.",
    )


class Control(Part):
    """How the fleet is controlled while it is served."""

    socket: FilePath = Field(
        description="A Unix socket at which `ctl` and others control the devices; relative to"
        " this file."
    )


class FleetFile(Part):
    """A fleet for `spdm-emulator serve`."""

    fleet: Literal[1] = Field(description="Version of this file format.")
    name: Line | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="What the fleet is called; null: as its file.",
    )
    description: Line = Field(default="", description="One line for people.")
    devices: list[Devices] = Field(min_length=1, description="The devices.")
    workers: int = Field(
        default=1,
        ge=1,
        le=MAX_WORKERS,
        description="How many processes share the devices: for more than one processor.",
    )
    limits: ProcessLimits = Field(
        default=ProcessLimits(), description="What all devices may take up together."
    )
    control: Control | None = Field(
        default=None, description="How it is controlled; null: as the command line says."
    )
    state: FilePath | None = Field(
        default=None,
        description="The folder in which what requesters provision of each device is kept,"
        " relative to this file; null: it is lost with the emulator.",
    )
    mqtt: Broker | None = Field(
        default=None, description="Where events go and commands come from; null: no broker."
    )


def fleet_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a fleet file, with a description for every key."""
    return plain_schema(FleetFile, "spdm-emulator fleet")
