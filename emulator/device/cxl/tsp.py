"""A target of CXL's TSP: what its memory can do for confidential tenants, how it is configured.

Source: CXL Specification 3.1, section 11.5.5; libspdm `include/industry_standard/cxl_tsp.h`.
"""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from emulator.spdm.session import Session

MAX_SECONDARY = 4
"""The most secondary sessions."""

SECONDARY_KEY_SIZE = 32


class TspState(IntEnum):
    """Where a target stands."""

    CONFIG_UNLOCKED = 0
    CONFIG_LOCKED = 1
    ERROR = 2


class Encryption(IntFlag):
    """Memory encryption, as a configuration enables it."""

    ENCRYPTION = 0x1
    CKID_BASED = 0x2
    RANGE_BASED = 0x4
    CKID_REQUIRED = 0x8


class Access(IntFlag):
    """TE state changes and access control."""

    WRITE_CONTROL = 0x01
    READ_CONTROL = 0x02
    IMPLICIT_CHANGE = 0x04
    OUT_OF_BAND_CHANGE = 0x08
    IN_BAND_CHANGE = 0x10
    SANITIZE = 0x20


class Features(IntFlag):
    """Configuration features, as capabilities tell them."""

    LOCKED_FW_UPDATE = 0x1
    SECONDARY_SESSIONS = 0x2


@dataclass(frozen=True)
class TargetCapabilities:
    """What a target can do; the names are those of the message."""

    encryption_supported: int = 0x01
    algorithms_supported: int = 0x02
    range_based_keys: int = 0
    access_supported: int = Access.READ_CONTROL | Access.IMPLICIT_CHANGE | Access.IN_BAND_CHANGE
    out_of_band_granularity_supported: int = 0
    in_band_granularity_supported: int = 0x1
    features_supported: int = Features.LOCKED_FW_UPDATE | Features.SECONDARY_SESSIONS
    ckids: int = 0
    secondary_sessions: int = 1


@dataclass(frozen=True)
class Configuration:
    """How a target is configured; the names are those of the message."""

    encryption: int = 0
    algorithm: int = 0
    access: int = 0
    out_of_band_granularity: int = 0
    features: int = 0
    ckid_base: int = 0
    ckids: int = 0
    granularities: bytes = b"".join(bytes(8) + b"\xff" + bytes(7) for _ in range(8))


def hint_of(index: int) -> bytes:
    """The hint of the pre-shared key of a secondary session, with its closing zero byte."""
    return b"SECONDARY_SESSION_%d_PSK\0" % index


HINTS = {hint_of(index): index for index in range(MAX_SECONDARY)}
"""Secondary sessions by their hints."""


@dataclass
class Target:
    """A target; of its memory itself there is no model, so TE states have nothing to act on.

    Attributes:
        capabilities: what it can do.
        until_reset: it stays locked until a reset, as the specification has it; otherwise until
            its primary session ends.
        state: where it stands.
        configuration: how it is configured.
        primary: its primary session, the first one that asked for the version.
        keys: the pre-shared keys of secondary sessions, by their hints.
    """

    capabilities: TargetCapabilities = field(default_factory=TargetCapabilities)
    until_reset: bool = True
    state: TspState = TspState.CONFIG_UNLOCKED
    configuration: Configuration = field(default_factory=Configuration)
    primary: Session | None = None
    keys: dict[bytes, bytes] = field(default_factory=dict)

    def begin(self, session: Session) -> None:
        """The session has asked for the version: it is the primary one where there is none."""
        if self.primary is None:
            self.primary = session
            session.heirs.append(self._over)

    def index_of(self, session: Session) -> int | None:
        """Which secondary session this is; None: it is none."""
        return HINTS[session.hint] if session.psk and session.hint in self.keys else None

    def configure(self, configuration: Configuration, keys: dict[bytes, bytes]) -> None:
        """SET_TARGET_CONFIGURATION has succeeded."""
        self.configuration = configuration
        self.keys = keys

    def lock(self) -> None:
        """LOCK_TARGET_CONFIGURATION has succeeded."""
        self.state = TspState.CONFIG_LOCKED

    def reset(self) -> None:
        """Nothing is configured, nothing is locked, and nobody has a key."""
        self.state, self.configuration = TspState.CONFIG_UNLOCKED, Configuration()
        self.primary = None
        self.keys = {}

    def _over(self, session: Session) -> None:
        if self.primary is not session:
            return
        self.primary = None
        if not self.until_reset:
            self.reset()
