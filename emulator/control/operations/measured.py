"""Operations on what devices measure."""

from functools import partial
from typing import Literal, Self

from pydantic import Field, model_validator

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.control.port import ControlError
from emulator.device import Device
from emulator.device.measurements import MAX_INDEX, MIN_INDEX
from emulator.faults.effects.device import MAX_MEASURED
from emulator.forms import Hex, refusal


class ChangeMeasurement(OfDevices):
    """A measurement's other value."""

    index: int = Field(ge=MIN_INDEX, le=MAX_INDEX, description="The measurement's index.")
    text: str | None = Field(default=None, description="The value, before any digest, as text.")
    hex: Hex | None = Field(default=None, description="The same as hexadecimal digits.")
    when: Literal["now", "reset"] = Field(
        default="now", description="Whether it changes now, or when the device is reset."
    )

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if (self.text is None) == (self.hex is None):
            raise refusal("one of text and hex", "neither" if self.text is None else "both")
        if len(self.value) > MAX_MEASURED:
            raise refusal(f"at most {MAX_MEASURED} bytes", str(len(self.value)))
        return self

    @property
    def value(self) -> bytes:
        """The value's bytes."""
        return bytes.fromhex(self.hex) if self.hex is not None else (self.text or "").encode()


@operation("measurement.change", ChangeMeasurement, changes=True)
def change_measurement(desk: Desk, arguments: ChangeMeasurement) -> dict[str, int]:
    """Give a measurement another value; the generation of each device's measurements.

    One that functions of a device have in common changes in all of them.
    """
    chosen = desk.devices(arguments.devices)
    for served in chosen:
        if arguments.index not in served.device.measurements:
            there = ", ".join(str(one.index) for one in served.device.measurements) or "none"
            raise ControlError(
                "not-found",
                f"{served.name}: index: found {arguments.index};"
                f" expected the index of a measurement: {there}",
            )
    concerned = {id(one) for served in chosen for one in served.device.measuring(arguments.index)}
    chosen = [served for served in desk.fleet if id(served.device) in concerned]
    for served in chosen:
        served.apply(partial(_change, arguments=arguments))
    return {served.name: served.device.measurements.generation for served in chosen}


def _change(device: Device, arguments: ChangeMeasurement) -> None:
    """Change it, where there is one: a device with a former profile may have none."""
    if arguments.index in device.measurements:
        device.change_own_measurement(
            arguments.index, arguments.value, pending=arguments.when == "reset"
        )
