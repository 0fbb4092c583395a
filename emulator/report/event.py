"""An event of an emulator in a line, for a person."""

import json
from collections.abc import Mapping
from typing import Any

_HEAD = frozenset(("v", "event", "time", "emulator", "sequence", "device", "connection"))


def event_line(event: Mapping[str, Any], *, brief: bool = False) -> str:
    """When, where, what: an event in one line; if `brief`, its values without their names."""
    time = event.get("time", "")[11:19] if brief else event.get("time", "")[11:23]
    where = event.get("device", event.get("emulator", ""))
    if "connection" in event:
        where += f" #{event['connection']}" if brief else f" connection {event['connection']}"
    own = {name: value for name, value in event.items() if name not in _HEAD}
    if brief:
        return f"{time} {where}: {event['event']} {', '.join(map(_plain, own.values()))}".rstrip()
    told = " ".join(f"{name}={_short(value)}" for name, value in own.items())
    return f"{time} {where}: {event['event']} {told}".rstrip()


def _short(value: Any) -> str:
    """A value as it is where that is one word, else as JSON."""
    if isinstance(value, str) and value.isprintable() and " " not in value:
        return value
    return json.dumps(value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
