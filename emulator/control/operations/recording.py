"""Operations on recordings."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from emulator import events
from emulator.control.desk import Desk
from emulator.control.operation import Arguments, operation
from emulator.control.port import ControlError
from emulator.forms import Line
from emulator.record import LIMIT

_MIB = 1 << 20


class RecordingInfo(BaseModel):
    """A recording."""

    file: str | None = Field(description="The file; null: nothing is recorded.")
    packets: int = Field(default=0, description="How many packets it has.")
    size: int = Field(default=0, description="How many bytes it has.")


class StartRecording(Arguments):
    """A recording to start."""

    file: Line = Field(
        min_length=1, description="The file, which is written anew, where the emulator runs."
    )
    form: Literal["pcapng", "pcap"] | None = Field(
        default=None, alias="format", description="Its format; null: by its suffix, else pcapng."
    )
    limit: int = Field(default=LIMIT // _MIB, ge=1, description="Size at which it ends, MiB.")


def _info(desk: Desk) -> RecordingInfo:
    file, recorder = desk.recordings.file, desk.recordings.recorder
    if file is None or recorder is None:
        return RecordingInfo(file=None)
    return RecordingInfo(file=str(file), packets=recorder.packets, size=recorder.size)


@operation("recording.get")
def get_recording(desk: Desk, arguments: Arguments) -> RecordingInfo:
    """What is recorded now."""
    del arguments
    return _info(desk)


@operation("recording.start", StartRecording, changes=True)
def start_recording(desk: Desk, arguments: StartRecording) -> RecordingInfo:
    """Record every conversation into a file, those that are under way included."""
    try:
        desk.recordings.start(Path(arguments.file), arguments.form, arguments.limit * _MIB)
    except ValueError as error:
        raise ControlError("conflict", f"recording.start: {error}") from None
    desk.hub.tell(events.RecordingStarted(file=arguments.file))
    return _info(desk)


@operation("recording.stop", changes=True)
def stop_recording(desk: Desk, arguments: Arguments) -> RecordingInfo:
    """Record no more; what the recording has come to."""
    del arguments
    info = _info(desk)
    if info.file is None:
        raise ControlError("conflict", "recording.stop: nothing is recorded")
    desk.recordings.stop()
    desk.hub.tell(events.RecordingStopped(file=info.file, packets=info.packets, size=info.size))
    return info
