"""Raw bytes, of the SPDM message (stage signed) or of the whole frame (stage frame).

An offset counts from the start, or from the end where it is negative; a place outside the bytes
leaves them as they are.
"""

from pydantic import Field

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.forms import Hex

MAX_BYTES = 1 << 20
"""The most bytes an effect may add."""


def place(at: int, size: int) -> int | None:
    """The index that an offset means in `size` bytes; None where there is none."""
    index = at if at >= 0 else size + at
    return index if 0 <= index < size else None


@effect("xor", Stage.SIGNED, Stage.FRAME)
class Xor(Effect):
    """Change the bits that are set in `hex`."""

    at: int = Field(ge=-MAX_BYTES, le=MAX_BYTES, description="Where; negative: from the end.")
    hex: Hex = Field(default="ff", description="The bits to change.")

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The bytes with these bits changed."""
        mask = bytes.fromhex(self.hex)
        start = place(self.at, len(data))
        if start is None or not any(mask):
            return data
        made = bytearray(data)
        for index, bits in enumerate(mask[: len(data) - start], start):
            made[index] ^= bits
        hit.note(f"changed bits from byte {start} on")
        return bytes(made)
