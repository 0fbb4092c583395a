"""Stage request: the device answers before anything happened."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from emulator.faults.effect import KEPT_REPLIES, Effect, Hit, Stage, effect
from emulator.faults.when import REQUEST_BIT
from emulator.forms import U8, Hex, Vocabulary, choice
from emulator.spdm.codes import Code, ErrorCode, error_name, name
from emulator.spdm.messages import Error
from emulator.spdm.versions import Version
from emulator.wire import Shape, encode

REQUESTS = Vocabulary(tuple(code.name for code in Code if code & REQUEST_BIT))
RequestName = Annotated[str, AfterValidator(REQUESTS.check), choice(REQUESTS)]
ERROR_NAMES = Vocabulary(tuple(code.name for code in ErrorCode))


def _error_code(value: Any) -> Any:
    """An ERROR's name as its number."""
    return ErrorCode[ERROR_NAMES.check(value)].value if isinstance(value, str) else value


ErrorCodeField = Annotated[
    int,
    BeforeValidator(_error_code),
    Field(ge=0, le=0xFF),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(ERROR_NAMES.offered)},
                {"type": "integer", "minimum": 0, "maximum": 0xFF},
            ]
        }
    ),
]
"""An ERROR's code by name or number; the number in the model."""


def error_message(hit: Hit, code: int, data: int = 0, extended: bytes = b"") -> bytes:
    """An ERROR of the connection's version; before there is one, of 1.0."""
    version = hit.situation.connection.version or Version.V1_0
    error = Error(version=version, error_code=code, data=data, extended=extended)
    return encode(error, Shape(version))


@effect("busy", Stage.REQUEST)
class Busy(Effect):
    """ERROR Busy; the requester may try again."""

    def on_request(self, hit: Hit) -> bytes:
        """The ERROR."""
        hit.note("ERROR BUSY")
        return error_message(hit, ErrorCode.BUSY)


@effect("error", Stage.REQUEST)
class ErrorReply(Effect):
    """Any ERROR with any data."""

    code: ErrorCodeField = Field(description="The ERROR's Param1, by name or number.")
    data: U8 = Field(default=0, description="Its Param2.")
    extended: Hex = Field(default="", description="The bytes after its header.")

    def on_request(self, hit: Hit) -> bytes:
        """The ERROR."""
        hit.note(f"ERROR {error_name(self.code)}")
        return error_message(hit, self.code, self.data, bytes.fromhex(self.extended))


@effect("large-response", Stage.REQUEST)
class LargeResponse(Effect):
    """ERROR LargeResponse, where nothing waits under its handle."""

    handle: U8 = Field(default=0xFF, description="The handle.")

    def on_request(self, hit: Hit) -> bytes:
        """The ERROR."""
        hit.note(f"ERROR LARGE_RESPONSE with handle {self.handle}")
        return error_message(hit, ErrorCode.LARGE_RESPONSE, extended=bytes((self.handle,)))


@effect("replay", Stage.REQUEST)
class Replay(Effect):
    """An earlier reply once more, byte for byte; none where there was none.

    An ERROR, and what a rule of this stage answered, is no such reply.
    """

    RECALLS = True

    of: RequestName | None = Field(
        default=None, description="The request it answered; null: the same as this one."
    )
    source: Literal["this", "other"] = Field(
        default="this",
        alias="from",
        description="This connection, or another one of the device: the latest that has it.",
    )
    back: Annotated[int, Field(ge=1, le=KEPT_REPLIES)] = Field(
        default=1, description="How many such replies ago."
    )

    def on_request(self, hit: Hit) -> bytes | None:
        """The reply of then."""
        code = hit.situation.request[1] if self.of is None else Code[self.of]
        kept = [hit.replies] if self.source == "this" else reversed(hit.others)
        for replies in kept:
            earlier = replies.get(code, [])
            if len(earlier) >= self.back:
                hit.note(f"the reply to {name(code)} of {self.back} before")
                return earlier[-self.back]
        return None
