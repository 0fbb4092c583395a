"""Stage signed: the signature, once it is made. Raw bytes at this stage are in `raw.py`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.effects.sign import SIGNED, key_of
from emulator.faults.when import slot_of
from emulator.forms import Hex, refusal
from emulator.spdm.codes import Code
from emulator.spdm.messages import RequestAttributes
from emulator.spdm.signing import CHALLENGE_AUTH, MEASUREMENTS, ToSign


def signature_size(hit: Hit, data: bytes) -> int:
    """How many bytes at the end of a reply are its signature; 0: it has none."""
    request, asym = hit.situation.request, hit.situation.connection.algorithms.asym
    code = data[1] if len(data) > 1 else 0
    if asym is None or code not in SIGNED or len(request) < 3:  # noqa: PLR2004 - its Param1
        return 0
    signed = code == Code.CHALLENGE_AUTH or request[2] & RequestAttributes.SIGNATURE
    return asym.size if signed and len(data) >= asym.size else 0


@effect("signature", Stage.SIGNED)
class Signature(Effect):
    """The signature is another, in the size agreed unless its bytes are given.

    `flipped` changes the last bit, `zero` makes all of it zeros, `random` draws it by the seed;
    `other` is `hex`, or without that the slot's own signature over no message at all. A reply
    without a signature stays as it is.
    """

    FOR = SIGNED

    make: Literal["flipped", "zero", "random", "other"] | None = Field(
        default=None, description="What becomes of it; null: other with hex, else flipped."
    )
    hex: Hex | None = Field(default=None, description="The bytes in its place, with other.")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.hex is not None and self.make not in (None, "other"):
            raise refusal("other, with hex", str(self.make))
        return self

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The reply with the other signature."""
        size = signature_size(hit, data)
        if not size:
            return data
        made = self._made(hit, data[-size:])
        if made == data[-size:]:
            return data
        hit.note(f"signature {'other' if self.hex is not None else self.make or 'flipped'}")
        return data[:-size] + made

    def _made(self, hit: Hit, signature: bytes) -> bytes:
        if self.hex is not None:
            return bytes.fromhex(self.hex)
        match self.make:
            case "zero":
                return bytes(len(signature))
            case "random":
                return hit.entropy.bytes(len(signature), label="signature")
            case "other":
                return _over_nothing(hit) or signature
        return signature[:-1] + bytes((signature[-1] ^ 0x01,))


def _over_nothing(hit: Hit) -> bytes | None:
    """The signature of the slot's key over an empty transcript; None where there is no such key."""
    request, connection = hit.situation.request, hit.situation.connection
    agreed = connection.algorithms
    if agreed.asym is None or agreed.hash is None:
        return None
    key = key_of(hit, slot_of(request) or 0, agreed.asym.name)
    context = CHALLENGE_AUTH if request[1] == Code.CHALLENGE else MEASUREMENTS
    nothing = ToSign(connection.version, context, agreed.hash.name, ())
    return None if key is None else key.sign(nothing)
