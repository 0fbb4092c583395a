"""Operations on certificate slots."""

import json
from functools import partial
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.control.operations.profiles import remade
from emulator.control.port import ControlError
from emulator.device import Device
from emulator.forms import refusal
from emulator.spdm.messages.certificates import SLOT_COUNT

SlotNumber = Annotated[int, Field(ge=0, le=SLOT_COUNT - 1)]


class SwapSlots(OfDevices):
    """Two slots."""

    slot: SlotNumber = Field(default=0, description="A slot.")
    other: SlotNumber = Field(default=1, alias="with", description="The other slot.")

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.slot == self.other:
            raise refusal("two slots", f"{self.slot} with itself")
        return self


class SetSlot(OfDevices):
    """A slot's other contents."""

    slot: SlotNumber = Field(description="The slot.")
    contents: Any = Field(
        description="What a profile says of a slot: auto, a mapping, or null to empty it.",
    )


@operation("slot.swap", SwapSlots, changes=True)
def swap_slots(desk: Desk, arguments: SwapSlots) -> dict[str, list[int]]:
    """Let two slots change their chains and keys; the slots each device has chains in."""
    chosen = desk.devices(arguments.devices)
    pair = (arguments.slot, arguments.other)
    for served in chosen:
        if served.device.slots.keys().isdisjoint(pair):
            there = ", ".join(map(str, served.device.slots)) or "none does"
            raise ControlError(
                "not-found",
                f"{served.name}: slot: found {pair[0]} and {pair[1]};"
                f" expected two slots, one of which holds a chain: {there}",
            )
    for served in chosen:
        first, second = (served.device.slots.get(number) for number in pair)
        held = {pair[0]: second, pair[1]: first}
        served.apply(partial(Device.put_slots, held=held))
    return {served.name: list(served.device.slots) for served in chosen}


@operation("slot.set", SetSlot, changes=True)
async def set_slot(desk: Desk, arguments: SetSlot) -> dict[str, list[int]]:
    """Let a slot hold other chains; the slots each device has chains in.

    It is checked as in a profile. Open connections see it, too.
    """
    setting = f"slots.{arguments.slot}={json.dumps(arguments.contents)}"
    plan = await remade(desk, desk.devices(arguments.devices), lambda r: r.changed([setting]))
    for served, recipe, loaded, device in plan:
        served.recipe, served.loaded = recipe, loaded
        held = {arguments.slot: device.slots.get(arguments.slot)}
        served.apply(partial(Device.put_slots, held=held))
    return {served.name: list(served.device.slots) for served, *_ in plan}
