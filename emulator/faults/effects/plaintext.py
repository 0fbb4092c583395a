"""Stage plaintext: what a record carries, before it is sealed. Raw bytes of it are in `raw.py`.

The record itself is as it should be, so that whoever opens it finds this. Replies outside of
sessions pass no such stage.
"""

from dataclasses import replace

from pydantic import Field

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.effects.frame import Number
from emulator.faults.effects.raw import Size
from emulator.forms import U8, Hex
from emulator.forms.words import counted
from emulator.spdm.sealing import Sealing

_LENGTHS = 1 << 16
_SIZED = 2
"""Bytes of the length that TCP's header begins with."""


@effect("inner-type", Stage.PLAINTEXT)
class InnerType(Effect):
    """Another message type before the SPDM message inside: MCTP's, or that of TCP's header.

    DOE has none there, and nothing happens.
    """

    to: U8 = Field(default=0x7F, description="The type; 5 is SPDM, or SPDM outside of a session.")

    def on_plaintext(self, hit: Hit, sealing: Sealing) -> Sealing:
        """The same with this type."""
        form, inner = sealing.sealer.form, sealing.inner
        at = len(form.enclosed) - 1 + (_SIZED if form.sized else 0)
        if not form.enclosed or len(inner) <= at or inner[at] == self.to:
            return sealing
        hit.note(f"type 0x{self.to:02x} inside")
        return replace(sealing, inner=inner[:at] + bytes((self.to,)) + inner[at + 1 :])


@effect("inner-length", Stage.PLAINTEXT)
class InnerLength(Number):
    """Another length of the message in the encrypted part of the record.

    A session that only authenticates has no such length, and nothing happens.
    """

    def on_plaintext(self, hit: Hit, sealing: Sealing) -> Sealing:
        """The same with this length."""
        length = self.changed(len(sealing.inner), _LENGTHS) & (_LENGTHS - 1)
        if not sealing.sealer.encrypted or length == len(sealing.inner):
            return sealing
        hit.note(f"length {length} inside")
        return replace(sealing, length=length)


@effect("inner-padding", Stage.PLAINTEXT)
class InnerPadding(Effect):
    """More bytes behind the message in the encrypted part, as against those who count bytes.

    They are allowed: whoever reads the record takes as much as the length says. A session that
    only authenticates has no room for them, and nothing happens.
    """

    count: Size = Field(default=16, description="How many.")
    hex: Hex = Field(default="00", description="The bytes, repeated as often as need be.")

    def on_plaintext(self, hit: Hit, sealing: Sealing) -> Sealing:
        """The same with more behind it."""
        told = bytes.fromhex(self.hex) or b"\0"
        if not sealing.sealer.encrypted:
            return sealing
        hit.note(f"{counted(self.count, 'byte')} behind the message inside")
        more = (told * (self.count // len(told) + 1))[: self.count]
        return replace(sealing, padding=sealing.padding + more)
