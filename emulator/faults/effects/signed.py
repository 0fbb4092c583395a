"""Stage signed: the signature, once it is made. Raw bytes at this stage are in `raw.py`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.effects.sign import SIGNED, key_of
from emulator.faults.when import slot_of
from emulator.forms import Hex, refusal
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages import RequestAttributes
from emulator.spdm.signing import CHALLENGE_AUTH, KEY_EXCHANGE_RSP, MEASUREMENTS, ToSign
from emulator.spdm.stages import Situation

_CONTEXTS: dict[int, str] = {
    Code.CHALLENGE: CHALLENGE_AUTH,
    Code.GET_MEASUREMENTS: MEASUREMENTS,
    Code.KEY_EXCHANGE: KEY_EXCHANGE_RSP,
}


def signature_of(hit: Hit, data: bytes) -> slice:
    """Where a reply's signature is; an empty slice: it has none."""
    request, agreed = hit.situation.request, hit.situation.connection.algorithms
    code = data[1] if len(data) > 1 else 0
    if agreed.asym is None or code not in SIGNED or len(request) < 3:  # noqa: PLR2004 - its Param1
        return slice(0)
    if code == Code.MEASUREMENTS and not request[2] & RequestAttributes.SIGNATURE:
        return slice(0)
    end = len(data) - proof_size(hit.situation)
    start = end - agreed.asym.size
    return slice(start, end) if start >= 0 else slice(0)


def proof_size(at: Situation) -> int:
    """How many bytes at the end of the reply to a request are verify data; 0: it has none."""
    code = at.request[1] if len(at.request) > 1 else 0
    connection = at.connection
    in_the_clear = connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
    proves = (
        code == Code.PSK_EXCHANGE
        or (code == Code.KEY_EXCHANGE and not in_the_clear)
        or (code == Code.FINISH and in_the_clear)
    )
    return connection.algorithms.hash.size if proves and connection.algorithms.hash else 0


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
        where = signature_of(hit, data)
        signature = data[where]
        made = self._made(hit, signature) if signature else signature
        if made == signature:
            return data
        hit.note(f"signature {'other' if self.hex is not None else self.make or 'flipped'}")
        return data[: where.start] + made + data[where.stop :]

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
    nothing = ToSign(connection.version, _CONTEXTS[request[1]], agreed.hash.name, ())
    return None if key is None else key.sign(nothing)
