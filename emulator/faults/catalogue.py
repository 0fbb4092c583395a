"""Files of faults: rules of one's own, and the catalogue of presets."""

from typing import Annotated, Literal

from pydantic import Field

from emulator.faults.rule import Rule
from emulator.forms import Line, Part


class FaultFile(Part):
    """Rules in a file of their own, to be combined with any profile."""

    faults: Literal[1] = Field(description="Version of this file format.")
    description: Line = Field(default="", description="One line for people.")
    rules: list[Rule] = Field(min_length=1, description="The rules.")


class Preset(Part):
    """A named fault, and what is asked of a requester that meets it."""

    name: Annotated[str, Field(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")] = Field(
        min_length=1, max_length=64, description="Its name; its rules' names begin with it."
    )
    title: Line = Field(min_length=1, description="What the device does, in one line.")
    expect: Literal["accept", "reject"] = Field(
        description="What a requester that does as it must comes to: accept the device, as after"
        " a Busy that passes; or reject it."
    )
    must: str = Field(min_length=1, description="What a requester must do, and why.")
    source: str = Field(min_length=1, description="Where that is said.")
    echoes: str = Field(default="", description="A public bug or advisory of this kind.")
    profile: Line | None = Field(
        default=None, description="A ready profile it needs; null: any device."
    )
    rules: list[Rule] = Field(min_length=1, description="The rules.")


class Catalogue(Part):
    """Presets, some of one kind to a file."""

    catalogue: Literal[1] = Field(description="Version of this file format.")
    presets: list[Preset] = Field(min_length=1, description="The presets.")
