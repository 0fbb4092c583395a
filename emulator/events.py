"""What is told of devices while they live: the events, and their published form.

An event is one JSON object. Its kind says which fields it has beside the ones all have; the schema
of all of them is `schema()`, and VERSION grows when a field goes away or changes its meaning. New
fields and kinds may come at any time: whoever reads events skips what it does not know.
"""

from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VERSION = 1
"""Version of the form of events."""


class Event(BaseModel):
    """What all events have: of which device it tells, if of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    KIND: ClassVar[str] = ""

    device: str | None = Field(default=None, description="The device it is about.")


KINDS: dict[str, type[Event]] = {}
"""All events by their kinds."""

_E = TypeVar("_E", bound=type[Event])


def _event(cls: _E) -> _E:
    KINDS[cls.KIND] = cls
    return cls


class _OfConnection(Event):
    connection: int = Field(description="The connection's number on its device, from 1.")


@_event
class EmulatorUp(Event):
    """An emulator is ready."""

    KIND = "emulator.up"

    devices: int = Field(description="How many devices it serves.")


@_event
class EmulatorDown(Event):
    """An emulator is about to end."""

    KIND = "emulator.down"

    reason: str = Field(description="Why.")


@_event
class DeviceUp(Event):
    """A device listens."""

    KIND = "device.up"

    address: str = Field(description="Where: HOST:PORT, or unix:PATH.")
    profile: str = Field(description="The profile it was made from.")


@_event
class DeviceDown(Event):
    """A device listens no more."""

    KIND = "device.down"

    reason: str = Field(description="Why.")


@_event
class DeviceReset(Event):
    """A device was reset."""

    KIND = "device.reset"


@_event
class DeviceChanged(Event):
    """A device has another personality, for the connections to come."""

    KIND = "device.changed"

    changes: list[str] = Field(description="The profile values that are others now.")


@_event
class ConnectionUp(_OfConnection):
    """A peer has connected."""

    KIND = "connection.up"

    peer: str = Field(description="The peer's address.")


@_event
class ConnectionDown(_OfConnection):
    """A connection has ended."""

    KIND = "connection.down"

    reason: str = Field(description="Why.")


@_event
class Step(_OfConnection):
    """A request was answered: one step of an attestation."""

    KIND = "step"

    request: str = Field(description="The request's name, such as CHALLENGE.")
    reply: str | None = Field(
        default=None, description="The reply's name; without it there was no response."
    )
    result: Literal["answered", "error", "silent"] = Field(description="What came of it.")
    error: str | None = Field(default=None, description="The name of an ERROR's code.")
    reason: str | None = Field(default=None, description="Why it was refused.")


@_event
class FaultFired(_OfConnection):
    """A fault rule reached in."""

    KIND = "fault.fired"

    rule: str = Field(description="The rule's name.")
    stage: str = Field(description="Where it reached in.")
    what: str = Field(description="What it did.")


@_event
class Diagnosis(_OfConnection):
    """The transcript doctor looked into what did not verify or open in a session."""

    KIND = "diagnosis"

    mistake: str | None = Field(
        default=None, description="The mistake's name; null: none that it knows explains it."
    )
    what: str = Field(description="What it says to the requester's author.")
    session: str | None = Field(
        default=None,
        description="The session's id in hexadecimal, where its handshake is encrypted.",
    )


@_event
class FaultsChanged(Event):
    """Fault rules were armed or cleared."""

    KIND = "faults.changed"

    rules: list[str] = Field(description="The names of the rules that are armed now.")


@_event
class MeasurementChanged(Event):
    """A measurement has another value, or will have it once the device was reset."""

    KIND = "measurement.changed"

    index: int = Field(description="The measurement's index.")
    pending: bool = Field(description="It takes effect with the next reset.")


@_event
class CertificateChanged(Event):
    """A slot holds another certificate chain."""

    KIND = "certificate.changed"

    slot: int = Field(description="The slot's number.")


@_event
class IdeStream(Event):
    """An IDE stream has become Secure, or Insecure."""

    KIND = "ide.stream"

    port: int = Field(description="The index of its port.")
    stream: int = Field(description="Its Stream ID.")
    state: Literal["secure", "insecure"] = Field(description="What it is now.")
    why: str = Field(description="By what.")


@_event
class RequesterAccepted(Event):
    """A requester's certificate chain was accepted, in mutual authentication."""

    KIND = "requester.accepted"

    slot: int = Field(description="The requester's slot.")
    problems: list[str] = Field(
        description="Why it is not to be believed, where the profile says that it is all the same."
    )


@_event
class TdispState(Event):
    """A TEE device interface is in another state."""

    KIND = "tdisp.state"

    function: int = Field(description="Its FUNCTION_ID.")
    state: str = Field(
        description="Where it stands now: CONFIG_UNLOCKED, CONFIG_LOCKED, RUN or ERROR."
    )
    why: str = Field(description="The request that led there, or what made an error of it.")


@_event
class RequesterEndpoint(Event):
    """A requester was asked what it is (GET_ENDPOINT_INFO), and has told it."""

    KIND = "requester.endpoint"

    classes: list[str] = Field(description="Its device class identifiers, as hex digits.")
    signed: bool = Field(description="Its signature was verified.")


@_event
class RecordingStarted(Event):
    """A recording has begun."""

    KIND = "recording.started"

    file: str = Field(description="The file it is written to.")


@_event
class RecordingStopped(Event):
    """A recording has ended."""

    KIND = "recording.stopped"

    file: str = Field(description="The file it was written to.")
    packets: int = Field(description="How many packets it has.")
    size: int = Field(description="How many bytes it has.")


@_event
class LimitReached(Event):
    """A peer came upon a limit: told once a connection."""

    KIND = "limit"

    connection: int | None = Field(
        default=None, description="The connection's number; null: of one that was refused."
    )
    limit: str = Field(description="The limit's name.")
    what: str = Field(description="What was found.")


@_event
class FleetReloaded(Event):
    """The fleet's file was read again."""

    KIND = "fleet.reloaded"

    added: list[str] = Field(description="Devices that are new.")
    removed: list[str] = Field(description="Devices that are gone.")
    changed: list[str] = Field(description="Devices that have changed.")


@_event
class Trouble(Event):
    """Something went wrong that no peer is told."""

    KIND = "error"

    what: str = Field(description="What.")


@_event
class Dropped(Event):
    """Events that did not fit into a subscriber's queue, and are gone."""

    KIND = "dropped"

    count: int = Field(description="How many since this was last told.")
    total: int | None = Field(default=None, description="How many there have been in all.")


def stamped(event: Event, *, time: str, emulator: str, sequence: int) -> dict[str, Any]:
    """The JSON object of an event.

    Args:
        event: what happened.
        time: when, as RFC 3339 in UTC.
        emulator: the name of the emulator that tells it.
        sequence: how many events it has told before; a gap says that some were dropped.
    """
    head = {
        "v": VERSION,
        "event": event.KIND,
        "time": time,
        "emulator": emulator,
        "sequence": sequence,
    }
    return head | event.model_dump(mode="json", exclude_none=True)


def schema() -> dict[str, Any]:
    """The JSON Schema of every event."""
    head = {
        "v": {"const": VERSION, "description": "Version of this form."},
        "time": {"type": "string", "format": "date-time", "description": "When, in UTC."},
        "emulator": {"type": "string", "description": "Which emulator tells it."},
        "sequence": {
            "type": "integer",
            "minimum": 0,
            "description": "Counts the events of an emulator; a gap: some were dropped.",
        },
    }
    kinds = []
    for kind, model in sorted(KINDS.items()):
        own = TypeAdapter(model).json_schema()
        named = {"event": {"const": kind}, **head}
        kinds.append(
            {
                "title": kind,
                "description": own["description"],
                "type": "object",
                "properties": {**named, **own["properties"]},
                "required": [*named, *own.get("required", [])],
            }
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of spdm-emulator",
        "oneOf": kinds,
    }
