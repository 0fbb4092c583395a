"""Stage request: the device answers before anything happened."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.forms import U8, Hex, Vocabulary
from emulator.spdm.codes import ErrorCode, error_name
from emulator.spdm.messages import Error
from emulator.spdm.versions import Version
from emulator.wire import Shape, encode

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
