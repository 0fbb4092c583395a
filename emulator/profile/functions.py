"""Further functions of a device: of what a profile says, each says some of it otherwise.

A function is judged as a profile of its own: what the whole profile says, without what belongs to
the physical device, and the function's own part on top of it. Its values keep their places.
"""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from emulator.forms.words import listed, shown, suggestion
from emulator.profile.model import FUNCTION_KEYS, Listener, Profile
from emulator.profile.report import Report
from emulator.profile.tree import (
    Entry,
    ListNode,
    MappingNode,
    Node,
    ScalarNode,
    found,
    merge,
)

MAX_FUNCTIONS = 255
"""How many further functions a device may have: PCI counts 256 of one device with ARI."""

OF_THE_DEVICE = {
    "ide": "the streams of the link belong to the device, whose function 0 has their IDE_KM",
    "tdisp": "function 0 speaks TDISP for all; name this one's interface there by its FUNCTION_ID",
    "cxl": "the link belongs to the device, whose function 0 speaks for it",
}
"""Why a function cannot have these (`model.DEVICE_KEYS`) of its own."""

_NAME = re.compile(r"[A-Za-z0-9_]{1,16}", re.ASCII)
_LONGEST = 64
"""Characters of a device's name, and of a certificate's common name (RFC 5280, ub-common-name)."""


def has_functions(tree: Node) -> bool:
    """Whether a profile says anything of further functions."""
    return isinstance(tree, MappingNode) and "functions" in tree.entries


def full_name(device: str, function: str) -> str:
    """What a function is called, such as gpu/vf1."""
    return f"{device}/{function}"


def parts(report: Report) -> dict[str, Report]:
    """A report on each further function that can be judged, by its name.

    What is wrong with `functions` itself is told to `report`.
    """
    root = report.tree
    node = root.entries["functions"].value if isinstance(root, MappingNode) else root
    if not (isinstance(root, MappingNode) and isinstance(node, MappingNode)):
        return {}  # the model says what is wrong
    made: dict[str, Report] = {}
    for name, entry in node.entries.items():
        if isinstance(entry.value, ScalarNode) and entry.value.value is None:
            continue
        if len(made) == MAX_FUNCTIONS:
            report.at(("functions",), f"at most {MAX_FUNCTIONS}", found(node))
            return {}
        if _is_sound(name, entry.value, report) and isinstance(entry.value, MappingNode):
            tree = _tree(root, name, entry.value, len(made) + 1)
            made[name] = Report(tree, prefix=("functions", name))
    return made


def _is_sound(name: str, part: Node, report: Report) -> bool:
    """Whether a function can be judged; the keys it cannot have are told, and left out there."""
    steps = ("functions", name)
    if not _NAME.fullmatch(name):
        expect = "a name of 1 to 16 letters, digits and _"
        report.key(steps, expect, f"the key {shown(name)}")
        return False
    if not isinstance(part, MappingNode):
        return False  # the model says so
    device = _text(report.tree, "name")
    if len(full_name(device, name)) > _LONGEST:
        expect = f"a name that has at most {_LONGEST} characters behind the device's"
        report.key(steps, expect, shown(full_name(device, name)))
        return False
    for key in part.entries:
        if key in FUNCTION_KEYS:
            continue
        if key in OF_THE_DEVICE:
            expect = f"none: {OF_THE_DEVICE[key]}"
            report.key((*steps, key), expect, f"{key} of a further function")
        else:
            expect = listed(FUNCTION_KEYS) + suggestion(key, FUNCTION_KEYS)
            report.key((*steps, key), expect, "an unknown key")
    return True


def _tree(root: MappingNode, name: str, part: MappingNode, number: int) -> MappingNode:
    """What the function of this name and number is, as if a profile had said it."""
    inherited = {key: root.entries[key] for key in FUNCTION_KEYS if key in root.entries}
    known = {key: entry for key, entry in part.entries.items() if key in FUNCTION_KEYS}
    merged = merge(MappingNode(part.place, inherited), MappingNode(part.place, known))
    entries = dict(merged.entries) if isinstance(merged, MappingNode) else {}
    own = part.entries.get("measurements")
    if own is not None and isinstance(own.value, ListNode):
        shared = _shared(root.entries.get("measurements"))
        # Behind its own ones, so that those keep the numbers they have in the file.
        items = ListNode(own.value.place, (*own.value.items, *shared))
        entries["measurements"] = Entry(own.place, items)
    elif own is None and "measurements" in entries:
        entries["measurements"] = _lasting(entries["measurements"])
    entries["listener"] = _listener(root, name, part, number)
    for key in ("profile", "name"):
        if key in root.entries:
            entries[key] = root.entries[key]
    if device := _text(root, "name"):
        full = full_name(device, name)
        place = root.entries["name"].value.place
        entries["name"] = Entry(place, ScalarNode(place, full, full))
    return MappingNode(part.place, entries)


def _shared(entry: Entry | None) -> tuple[Node, ...]:
    """The measurements that are the device's own."""
    if entry is None or not isinstance(entry.value, ListNode):
        return ()
    return tuple(
        item
        for item in entry.value.items
        if isinstance(item, MappingNode)
        and "shared" in item.entries
        and isinstance(flag := item.entries["shared"].value, ScalarNode)
        and flag.value is True
    )


def _lasting(entry: Entry) -> Entry:
    """Measurements without those of what function 0 alone has: its streams and interfaces."""
    if not isinstance(entry.value, ListNode):
        return entry
    items = tuple(
        item
        for item in entry.value.items
        if not (isinstance(item, MappingNode) and "state" in item.entries)
    )
    return Entry(entry.place, ListNode(entry.value.place, items))


def _listener(root: MappingNode, name: str, part: MappingNode, number: int) -> Entry:
    """Where a function listens: where it says, or beside the whole device.

    Ports count up from the device's, and its socket's name gets the function's behind it.
    """
    nothing = Entry(part.place, MappingNode(part.place, {}))
    entry = root.entries.get("listener", nothing)
    if not isinstance(entry.value, MappingNode):
        return part.entries.get("listener", entry)
    values = dict(entry.value.entries)
    port = _value(values.get("port"), Listener.model_fields["port"].default)
    path = _value(values.get("path"), None)
    if isinstance(port, int) and port:
        values["port"] = _entry(entry, port + number)
    if isinstance(path, str) and path:
        values["path"] = _entry(values["path"], socket_beside(path, name))
    base = MappingNode(entry.value.place, values)
    own = part.entries.get("listener")
    return Entry(entry.place, base if own is None else merge(base, own.value))


def socket_beside(path: str, name: str) -> str:
    """The path of a function's socket beside the device's: gpu.sock, gpu-vf1.sock."""
    whole = PurePath(path)
    return str(whole.with_name(f"{whole.stem}-{name}{whole.suffix}"))


def _entry(like: Entry, value: str | int) -> Entry:
    place = like.value.place
    return Entry(like.place, ScalarNode(place, value, str(value)))


def _value(entry: Entry | None, default: object) -> object:
    if entry is None:
        return default
    return entry.value.value if isinstance(entry.value, ScalarNode) else None


def _text(tree: Node, key: str) -> str:
    """A text that stands in the tree; '' if there is none."""
    value = _value(tree.entries.get(key), None) if isinstance(tree, MappingNode) else None
    return value if isinstance(value, str) else ""


def check_addresses(whole: Profile, made: Mapping[str, Profile], report: Report) -> None:
    """Tell of functions that would listen where another does."""
    taken = {_address(whole.listener)}
    for name, profile in made.items():
        listener = profile.listener
        here = _address(listener)
        if here in taken and (listener.path is not None or listener.port):
            key = "port" if listener.path is None else "path"
            was = f"{listener.port if listener.path is None else listener.path} a second time"
            report.at(("functions", name, "listener", key), "an address of its own", was)
        taken.add(here)


def _address(listener: Listener) -> tuple[str, int]:
    return (listener.host, listener.port) if listener.path is None else (listener.path, 0)


def resolved(written: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """What a function says, with the values that came of it: paths are absolute.

    Args:
        written: as it was written.
        profile: what the function is.
    """
    values = profile.model_dump(mode="json")
    return {key: _resolved(part, values[key]) for key, part in written.items()}


def _resolved(written: Any, value: Any) -> Any:
    if isinstance(written, dict) and isinstance(value, dict):
        by_name = {str(key): one for key, one in value.items()}
        return {key: _resolved(one, by_name.get(key)) for key, one in written.items()}
    if isinstance(written, list) and isinstance(value, list):
        return [_resolved(one, other) for one, other in zip(written, value, strict=False)]
    return written if isinstance(written, dict | list) else value
