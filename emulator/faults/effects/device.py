"""Stage device: what happens to the device once a request was answered; it lasts.

A refused request and a reply that another rule made leave the device alone.
"""

from dataclasses import replace
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from emulator.device.changes import Offer
from emulator.device.measurements import MAX_INDEX, MIN_INDEX
from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.when import VersionName
from emulator.forms import Hex, Vocabulary, choice, refusal, unique
from emulator.spdm.algorithms import HASHES, SIGNATURES, by_name
from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.connection import Loss
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.spdm.versions import BY_TEXT

MAX_MEASURED = 0xFFFF - 3
"""The largest measurement: the size of a block has 16 bits, and its own header three bytes."""

CAPABILITIES = Vocabulary(tuple(flag.name for flag in Cap if flag.name))
ASYM = Vocabulary(tuple(row.name for row in SIGNATURES if row.offered))
BASE_HASHES = Vocabulary(tuple(row.name for row in HASHES if row.offered))

CapabilityName = Annotated[str, AfterValidator(CAPABILITIES.check), choice(CAPABILITIES)]
AsymName = Annotated[str, AfterValidator(ASYM.check), choice(ASYM)]
HashName = Annotated[str, AfterValidator(BASE_HASHES.check), choice(BASE_HASHES)]
SlotNumber = Annotated[int, Field(ge=0, le=SLOT_COUNT - 1)]


@effect("change-measurement", Stage.DEVICE)
class ChangeMeasurement(Effect):
    """A measurement has another value, as after a change under way.

    A device without MEAS_FRESH reports it once it was reset.
    """

    index: Annotated[int, Field(ge=MIN_INDEX, le=MAX_INDEX)] | None = Field(
        default=None, description="The measurement; null: the first."
    )
    to: Annotated[Hex, Field(max_length=2 * MAX_MEASURED)] | None = Field(
        default=None, description="The value, before any digest; null: every bit is inverted."
    )

    def on_device(self, hit: Hit) -> None:
        """Change it."""
        held = {one.index: one.value for one in hit.device.measurements}
        index = min(held, default=0) if self.index is None else self.index
        if index not in held:
            return
        old = held[index]
        new = bytes(byte ^ 0xFF for byte in old) if self.to is None else bytes.fromhex(self.to)
        if new != old:
            hit.device.change_measurement(index, new)
            hit.note(f"changed measurement {index}")


@effect("swap-chain", Stage.DEVICE)
class SwapChain(Effect):
    """Two slots change their chains and keys; one of them may be empty."""

    slot: SlotNumber = Field(default=0, description="A slot.")
    other: SlotNumber = Field(default=1, alias="with", description="The other slot.")

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.slot == self.other:
            raise refusal("two slots", f"{self.slot} with itself")
        return self

    def on_device(self, hit: Hit) -> None:
        """Swap them."""
        slots = hit.device.slots
        first, second = slots.get(self.slot), slots.get(self.other)
        if first is None and second is None:
            return
        hit.device.put_slots({self.slot: second, self.other: first})
        hit.note(f"swapped the chains of slots {self.slot} and {self.other}")


@effect("offer", Stage.DEVICE)
class OfferOther(Effect):
    """Other versions, capabilities or algorithms, from the next GET_VERSION on.

    What is not said stays. Anything goes: what the device has no answer for, and what no device
    may offer together.
    """

    versions: Annotated[list[VersionName], AfterValidator(unique)] | None = Field(
        default=None, min_length=1, description="SPDM versions, in the order VERSION lists them."
    )
    capabilities: Annotated[list[CapabilityName], AfterValidator(unique)] | None = Field(
        default=None, description="Capability flags; a version masks those it does not know."
    )
    asym: Annotated[list[AsymName], AfterValidator(unique)] | None = Field(
        default=None, min_length=1, description="Signature algorithms, the preferred one first."
    )
    hash: Annotated[list[HashName], AfterValidator(unique)] | None = Field(
        default=None, min_length=1, description="Base hashes, the preferred one first."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(one is None for one in (self.versions, self.capabilities, self.asym, self.hash)):
            raise refusal("one of versions, capabilities, asym, hash", "none of them")
        return self

    def on_device(self, hit: Hit) -> None:
        """Offer it."""
        device = hit.device
        before = (device.versions, device.capabilities, device.preferences)
        if self.versions is not None:
            device.versions = tuple(BY_TEXT[text] for text in self.versions)
        if self.capabilities is not None:
            device.capabilities = NONE
            for name in self.capabilities:
                device.capabilities |= Cap[name]
        if self.asym is not None:
            rows = tuple(by_name(SIGNATURES, name) for name in self.asym)
            device.preferences = replace(device.preferences, asym=rows)
        if self.hash is not None:
            rows = tuple(by_name(HASHES, name) for name in self.hash)
            device.preferences = replace(device.preferences, hash=rows)
        if before != (device.versions, device.capabilities, device.preferences):
            given = sorted(self.model_fields_set)
            device.tell(Offer(tuple(given)))
            hit.note(f"offers other {', '.join(given)}")


class _Losing(Effect):
    """What is agreed is lost."""

    resynch: bool = Field(
        default=False,
        description="Whether the requester is told: ERROR RequestResynch until GET_VERSION comes,"
        " rather than UnexpectedRequest.",
    )

    @property
    def loss(self) -> Loss:
        """How it is lost."""
        return Loss.RESYNCH if self.resynch else Loss.QUIET


@effect("reset-device", Stage.DEVICE)
class ResetDevice(_Losing):
    """The device is reset: it measures anew, and every connection's state is lost.

    The connections themselves stay. A negotiation kept for later (CACHE) is forgotten too.
    """

    def on_device(self, hit: Hit) -> None:
        """Reset it."""
        hit.device.reset(self.loss)
        hit.note("reset the device")


@effect("lose-connection", Stage.DEVICE)
class LoseConnection(_Losing):
    """The device forgets what it agreed on this connection, which itself stays."""

    def on_device(self, hit: Hit) -> None:
        """Forget it, once the request is done with."""
        hit.lost = self.loss
        hit.note("lost this connection's state")
