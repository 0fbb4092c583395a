"""Raw bytes, of the SPDM message (stage signed) or of the whole frame (stage frame).

In a session also of what a record carries (plaintext), and of the record itself (record).

An offset counts from the start, or from the end where it is negative; a place outside the bytes
leaves them as they are.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.forms import Hex, refusal
from emulator.forms.words import counted

RAW = (Stage.SIGNED, Stage.PLAINTEXT, Stage.RECORD, Stage.FRAME)
"""The stages at which there are bytes; what is said of none is about the first."""

MAX_BYTES = 1 << 20
"""The most bytes an effect may add."""

At = Annotated[int, Field(ge=-MAX_BYTES, le=MAX_BYTES)]
Size = Annotated[int, Field(ge=1, le=MAX_BYTES)]
AT = "Where; negative: from the end."


def place(at: int, size: int) -> int | None:
    """The index that an offset means in `size` bytes; None where there is none."""
    index = at if at >= 0 else size + at
    return index if 0 <= index < size else None


@effect("xor", *RAW)
class Xor(Effect):
    """Change the bits that are set in `hex`."""

    at: At = Field(default=-1, description=AT)
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


def _place_or_end(at: int, size: int) -> int | None:
    return size if at == size else place(at, size)


@effect("overwrite", *RAW)
class Overwrite(Effect):
    """Put `hex` over what is there; what would stand past the end is left out."""

    at: At = Field(default=-1, description=AT)
    hex: Hex = Field(default="00", description="The bytes.")

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The bytes with these in their place."""
        start = place(self.at, len(data))
        if start is None:
            return data
        new = bytes.fromhex(self.hex)[: len(data) - start]
        made = data[:start] + new + data[start + len(new) :]
        if made != data:
            hit.note(f"{counted(len(new), 'byte')} overwritten from byte {start} on")
        return made


@effect("insert", *RAW)
class Insert(Effect):
    """Put `hex` before the byte at `at`."""

    at: At = Field(default=-1, description=AT)
    hex: Hex = Field(default="00", description="The bytes.")

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The bytes with these between them."""
        start = _place_or_end(self.at, len(data))
        new = bytes.fromhex(self.hex)
        if start is None or not new:
            return data
        hit.note(f"{counted(len(new), 'byte')} inserted at byte {start}")
        return data[:start] + new + data[start:]


@effect("delete", *RAW)
class Delete(Effect):
    """Take bytes out."""

    at: At = Field(default=-1, description=AT)
    count: Size = Field(default=1, description="How many, at most.")

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The bytes without them."""
        start = place(self.at, len(data))
        if start is None:
            return data
        made = data[:start] + data[start + self.count :]
        hit.note(f"{counted(len(data) - len(made), 'byte')} deleted from byte {start} on")
        return made


@effect("extend", *RAW)
class Extend(Effect):
    """Put `hex` behind the end, or as many zeros as `count` says; without either, one zero."""

    hex: Hex | None = Field(default=None, description="The bytes.")
    count: Size | None = Field(default=None, description="How many zeros.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.hex is not None and self.count is not None:
            raise refusal("either hex or count", "both")
        return self

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The bytes and more."""
        new = bytes(self.count or 1) if self.hex is None else bytes.fromhex(self.hex)
        if not new:
            return data
        hit.note(f"{counted(len(new), 'byte')} added")
        return data + new


@effect("truncate", *RAW)
class Truncate(Effect):
    """Cut the end off: down to a size, or by some bytes; without either, by one."""

    to: Annotated[int, Field(ge=0, le=MAX_BYTES)] | None = Field(
        default=None, description="How many bytes are left."
    )
    by: Size | None = Field(default=None, description="How many are cut off, at most.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.to is not None and self.by is not None:
            raise refusal("either to or by", "both")
        return self

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The first of the bytes."""
        size = max(0, len(data) - (self.by or 1)) if self.to is None else self.to
        if size >= len(data):
            return data
        hit.note(f"cut to {counted(size, 'byte')}")
        return data[:size]


@effect("randomize", *RAW)
class Randomize(Effect):
    """Put random bytes over what is there, by the seed."""

    at: At = Field(default=0, description=AT)
    count: Size | None = Field(default=None, description="How many, at most; null: to the end.")

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The bytes with random ones in their place."""
        start = place(self.at, len(data))
        if start is None:
            return data
        left = len(data) - start
        size = left if self.count is None else min(self.count, left)
        new = hit.entropy.bytes(size, label="randomize")
        hit.note(f"{counted(size, 'byte')} random from byte {start} on")
        return data[:start] + new + data[start + size :]
