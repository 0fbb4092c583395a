"""What a profile says of CXL: keys for CXL.cachemem, and the security of its memory."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from emulator.device.cxl import Cxl as DeviceCxl
from emulator.device.cxl import CxlIde, Target, TargetCapabilities
from emulator.device.cxl.tsp import MAX_SECONDARY, Features
from emulator.device.ide import Ide
from emulator.forms import U8, Part, unique
from emulator.profile.tree import Steps
from emulator.spdm.capabilities import PSK_ANY, Cap, names

Finding = tuple[Steps, str, str]


class CxlTsp(Part):
    """TSP: the target's memory, as far as its configuration and its lock go."""

    secondary_sessions: int = Field(
        default=TargetCapabilities.secondary_sessions,
        ge=0,
        le=MAX_SECONDARY,
        description="How many sessions of pre-shared keys, which SET_TARGET_CONFIGURATION hands"
        " over, there may be beside the primary one.",
    )
    locked_until: Literal["reset", "session-end"] = Field(
        default="reset",
        description="How long a locked target stays so: until a reset, as the specification has"
        " it, or until its primary session ends, so that it can be locked again.",
    )


class Cxl(Part):
    """The CXL side of a device: IDE_KM for CXL.cachemem, and TSP."""

    max_port: U8 = Field(default=0, description="The highest port index.")
    generates: Annotated[list[Literal["iv", "key"]], AfterValidator(unique)] = Field(
        default=[], description="What its ports make themselves, and GET_KEY tells."
    )
    iv: Literal["drawn", "default"] = Field(
        default="drawn",
        description="An IV that a port makes: drawn, or the default construction.",
    )
    stops: bool = Field(default=True, description="Whether it knows K_SET_STOP.")
    tsp: CxlTsp | None = Field(
        default=None, description="The security of its memory; null: it has no TSP."
    )


def cxl_findings(cxl: Cxl | None, flags: Cap) -> Iterator[Finding]:
    """What several values of CXL together may be."""
    if cxl is None:
        return
    if not flags & (Cap.KEY_EX | PSK_ANY):
        able = " or ".join(names(Cap.KEY_EX | PSK_ANY))
        yield ("cxl",), f"null without {able} in capabilities, as IDE_KM needs a session", ""
    if cxl.tsp is not None and cxl.tsp.secondary_sessions and not flags & PSK_ANY:
        steps: Steps = ("cxl", "tsp", "secondary_sessions")
        yield steps, f"0 without {' or '.join(names(PSK_ANY))} in capabilities", ""


def device_cxl(told: Cxl | None, ide: Ide | None) -> DeviceCxl | None:
    """The CXL side of a device, whose function is that of its `ide`."""
    if told is None:
        return None
    made = CxlIde(
        max_port=told.max_port,
        generates_iv="iv" in told.generates,
        generates_key="key" in told.generates,
        drawn_iv=told.iv == "drawn",
        stops=told.stops,
    )
    if ide is not None:
        made.device_function, made.bus, made.segment = ide.devfn, ide.bus, ide.segment
    if told.tsp is None:
        return DeviceCxl(ide=made)
    features = Features.LOCKED_FW_UPDATE
    if told.tsp.secondary_sessions:
        features |= Features.SECONDARY_SESSIONS
    able = TargetCapabilities(
        features_supported=features, secondary_sessions=told.tsp.secondary_sessions
    )
    target = Target(capabilities=able, until_reset=told.tsp.locked_until == "reset")
    return DeviceCxl(ide=made, target=target)
