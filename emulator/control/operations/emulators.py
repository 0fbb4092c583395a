"""Operations on the emulator as a whole."""

from pydantic import BaseModel, Field

from emulator import __version__, events
from emulator.control.desk import Desk
from emulator.control.operation import Arguments, operation
from emulator.control.port import ControlError


class EmulatorInfo(BaseModel):
    """An emulator."""

    emulator: str = Field(description="What it is called.")
    version: str = Field(description="Its version.")
    devices: int = Field(description="How many devices it serves.")
    connections: int = Field(description="How many connections are open.")
    seconds: float = Field(description="How long it has been running.")
    recording: str | None = Field(description="The file it records into.")
    events: int = Field(description="How many events it has told.")


class Reloaded(BaseModel):
    """What reading the fleet's file again has changed."""

    added: list[str] = Field(description="Devices that are new.")
    removed: list[str] = Field(description="Devices that are gone.")
    changed: list[str] = Field(description="Devices that have changed.")
    unchanged: list[str] = Field(description="Devices that are as they were.")


@operation("emulator.info")
def info(desk: Desk, arguments: Arguments) -> EmulatorInfo:
    """What the emulator is, and how much it does."""
    del arguments
    file = desk.recordings.file
    return EmulatorInfo(
        emulator=desk.hub.name,
        version=__version__,
        devices=len(desk.fleet),
        connections=sum(len(served.connections()) for served in desk.fleet),
        seconds=round((desk.clock() - desk.fleet.since).total_seconds(), 3),
        recording=None if file is None else str(file),
        events=desk.hub.told,
    )


@operation("emulator.stop", changes=True)
def stop(desk: Desk, arguments: Arguments) -> None:
    """End the emulator, as SIGTERM does."""
    del arguments
    if desk.stop is None:
        raise ControlError("conflict", "emulator.stop: this one is not to be ended from outside")
    desk.stop()


@operation("fleet.reload", changes=True)
async def reload(desk: Desk, arguments: Arguments) -> Reloaded:
    """Read the fleet's file again: what has changed holds for new connections."""
    del arguments
    if desk.reload is None:
        raise ControlError("conflict", "fleet.reload: the devices come from no fleet file")
    changes = Reloaded.model_validate(await desk.reload())
    desk.hub.tell(
        events.FleetReloaded(added=changes.added, removed=changes.removed, changed=changes.changed)
    )
    return changes
