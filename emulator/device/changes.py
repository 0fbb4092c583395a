"""What changes about a device while it lives, whoever changed it: a fault, a peer, or control."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeasurementChange:
    """A measurement has another value.

    Attributes:
        index: its index.
        pending: it will have it once the device was reset.
        of_state: it shows what the device is doing, and no certificate stands for it.
    """

    index: int
    pending: bool = False
    of_state: bool = False


@dataclass(frozen=True, slots=True)
class CertificateChange:
    """A slot holds another chain, or none."""

    slot: int


@dataclass(frozen=True, slots=True)
class StreamChange:
    """An IDE stream of a port has become Secure, or Insecure; `why`: by what."""

    port: int
    stream: int
    secure: bool
    why: str


@dataclass(frozen=True, slots=True)
class InterfaceChange:
    """A TEE device interface is in another state; `why`: by what."""

    function: int
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Reset:
    """The device was reset."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The device offers other things from the next GET_VERSION on; `what`: which, by name."""

    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequesterJudged:
    """A requester's chain was accepted, by a lenient device in spite of these problems."""

    slot: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequesterDescribed:
    """A requester told what it is: its device class identifiers; `signed`: and proved it."""

    classes: tuple[bytes, ...]
    signed: bool


Change = (
    RequesterJudged
    | RequesterDescribed
    | MeasurementChange
    | CertificateChange
    | StreamChange
    | InterfaceChange
    | Reset
    | Offer
)
Watcher = Callable[[Change], None]
"""Hears of each change, once it is made."""
