"""What a profile says of sessions."""

from typing import Annotated

from pydantic import AfterValidator, Field

from emulator.device.sessions import Sessions as DeviceSessions
from emulator.forms import U8, Hex, Part, unique
from emulator.profile.fields import FilePath, SecuredVersionText
from emulator.spdm.secured import SEQUENCE_LIMIT

KEY_SOURCES = ("hex", "text", "file")
"""Where a pre-shared key comes from; exactly one of these keys."""


class PreSharedKey(Part):
    """A pre-shared key: its hint, and exactly one key that gives its bytes."""

    hint: str = Field(
        default="",
        description="What a requester names it by, as text in UTF-8; empty: the key of"
        " requesters that name none.",
    )
    hex: Hex | None = Field(default=None, description="The key, as hexadecimal digits.")
    text: str | None = Field(default=None, description="The key, as text in UTF-8.")
    file: FilePath | None = Field(default=None, description="The key, as the bytes of a file.")


class Sessions(Part):
    """Secure sessions: what KEY_EX, PSK and what goes with them promise."""

    limit: int = Field(
        default=DeviceSessions.limit,
        ge=1,
        le=0xFF,
        description="The most sessions at once, of all connections together.",
    )
    heartbeat: U8 = Field(
        default=DeviceSessions.heartbeat,
        description="HeartbeatPeriod in seconds: a session in which nothing comes for twice as"
        " long ends; 0: none does.",
    )
    secured_versions: Annotated[list[SecuredVersionText], AfterValidator(unique)] = Field(
        default=["1.0", "1.1", "1.2"],
        min_length=1,
        description="Versions of secured messages; the highest in common is selected.",
    )
    sequence_limit: int = Field(
        default=SEQUENCE_LIMIT,
        ge=1,
        le=SEQUENCE_LIMIT,
        description="The first sequence number that no record may have: a session that comes to"
        " it ends.",
    )
    key_update_after: int = Field(
        default=DeviceSessions.key_update_after,
        ge=0,
        le=SEQUENCE_LIMIT,
        description="After so many records under one key, the device asks for a new one of its own"
        " when a requester next sends GET_ENCAPSULATED_REQUEST in the session; 0: never by itself.",
    )
    doctor: bool = Field(
        default=DeviceSessions.doctor,
        description="What does not verify, or does not open as the first record under a key, is"
        " looked into, and the requester's mistake is named; a shared secret is kept for it until"
        " the first record of data.",
    )
    event_limit: int = Field(
        default=DeviceSessions.event_limit,
        ge=1,
        le=64,
        description="The most events that wait in a session to be told; of more, EventLost tells.",
    )
    psk: list[PreSharedKey] = Field(default=[], description="Pre-shared keys, by their hints.")
