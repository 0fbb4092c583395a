"""What a profile says beside identity and measurements: log entries and device classes."""

from pydantic import Field

from emulator.device.measurements import MAX_INDEX, MIN_INDEX
from emulator.forms import Hex, Part
from emulator.profile.fields import MeasurementType, Registry


class LogEntry(Part):
    """One entry of the measurement extension log, with exactly one key that gives its value."""

    index: int = Field(
        ge=MIN_INDEX, le=MAX_INDEX, description="The index of the measurement it is about."
    )
    type: MeasurementType = Field(
        default="informational", description="DMTFSpecMeasurementValueType."
    )
    text: str | None = Field(default=None, description="What is told, as text in UTF-8.")
    hex: Hex | None = Field(default=None, description="What is told, as hexadecimal digits.")


class DeviceClass(Part):
    """One device class of ENDPOINT_INFO."""

    registry: Registry = Field(description="The standards body, by its name or number.")
    vendor: Hex = Field(
        default="", description="The vendor's identifier in that registry, as it is on the wire."
    )
    subordinates: list[Hex] = Field(
        default=[],
        max_length=0xFF,
        description="Identifiers below the vendor's, whose meaning is the registry's.",
    )
