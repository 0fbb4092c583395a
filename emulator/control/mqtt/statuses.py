"""What is retained of emulators and devices. Pure."""

from collections.abc import Mapping
from typing import Any

from emulator.control.mqtt.commands import encoded
from emulator.control.mqtt.handover import Claim, Peer

VERSION = 1
"""Version of the form of statuses and claims."""


def emulator_status(
    me: Peer, *, online: bool, room: int | None = None, **more: Any
) -> dict[str, Any]:
    """The status of an emulator."""
    said = {"v": VERSION, "online": online, "emulator": me.emulator, "id": me.id}
    return said | {"since": me.since, "room": room, **more} if online else said


def device_status(
    device: str, emulator: str, about: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The status of a device; `about` is what `devices.list` says of it, if it is there."""
    said = {"v": VERSION, "online": about is not None, "device": device, "emulator": emulator}
    if about is not None:
        said |= {"address": about["address"], "profile": about["profile"]}
    return said


def owner(claim: Claim) -> bytes:
    """A claim as it is published."""
    return encoded(
        {"v": VERSION, "emulator": claim.emulator or None, "id": claim.id, "term": claim.term}
    )


def read_peer(said: Any) -> tuple[Peer, bool] | None:
    """An emulator's status, and whether it is there; None if it is nothing of the kind."""
    match said:
        case {"online": bool(online), "emulator": str(name), "id": str(number)} if number:
            since, room = said.get("since", ""), said.get("room")
            good = room is None or (type(room) is int and room >= 0)
            if isinstance(since, str) and good:
                return Peer(number, name, since, room), online
    return None


def read_owner(said: Any) -> Claim | None:
    """A claim; None if it is nothing of the kind."""
    match said:
        case {"emulator": str() | None as name, "id": str(number), "term": int(term)} if term >= 0:
            return Claim(term, number, name or "")
    return None


def read_term(said: Any) -> int | None:
    """The term of an offer; None if it is nothing of the kind."""
    match said:
        case {"term": int(term)} if term > 0:
            return term
    return None
