"""The pages on control and on events, from the operations and the events themselves."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

from reference_tables import NOTE, fields, kind, table

from emulator.control import lines
from emulator.control.local import operations
from emulator.control.operation import OPERATIONS, Operation
from emulator.control.peer import AT_ONCE
from emulator.control.port import QUEUED, Code, ControlError
from emulator.control.requests import Subscribe
from emulator.control.server import PEERS
from emulator.events import KINDS, DeviceReset, schema, stamped

_ = operations  # their import fills OPERATIONS

_CODES: dict[Code, str] = {
    "unknown-operation": "there is no operation of this name",
    "invalid": "the request or its arguments are wrong; `problems` has a line for each mistake",
    "not-found": "what the arguments name is not there",
    "conflict": "it cannot be done as things stand",
    "failed": "it went wrong: a file, a socket",
}


_WRONG = lines.refusal(
    2,
    ControlError(
        "not-found", 'devices: found "nvme"; expected a device of nvme-ssd; did you mean nvme-ssd?'
    ),
)
_RESET = stamped(
    DeviceReset(device="nvme-ssd"),
    time="2026-01-31T12:00:00.000000Z",
    emulator="lab-4711",
    sequence=17,
)
_ASKED = (
    lines.request(1, "faults.add", {"devices": ["nvme-*"], "presets": ["busy-once"]}),
    lines.line(lines.answer(1, {"nvme-ssd": ["busy-once"]})),
    lines.request(2, "device.reset", {"devices": ["nvme"]}),
    lines.line(_WRONG),
    lines.request(3, lines.SUBSCRIBE, {"kinds": ["device.*"]}),
    lines.line(lines.answer(3, None)),
    lines.line({"event": _RESET}),
)
_EXAMPLE = [("> " if b'"op":' in one else "< ") + one.decode().rstrip("\n") for one in _ASKED]


def _page(text: list[str]) -> str:
    return "\n".join(text).rstrip() + "\n"


def _linked(told: str, types: dict[str, dict[str, Any]]) -> str:
    """A type in words, its last word a link where the page has a section on it."""
    words = told.split(" ")
    return " ".join(f"[{one}](#{one.lower()})" if one in types else one for one in words)


def _result(one: Operation, types: dict[str, dict[str, Any]]) -> str:
    """What an operation results in; the types it is made of are added to `types`."""
    node = one.result.json_schema(mode="serialization")
    types.update(node.get("$defs", {}))
    if "title" in node and "properties" in node:
        types[node["title"]] = node
        return _linked(node["title"], types)
    told = "nothing" if node.get("type") == "null" else kind(node)
    by_device = one.of_devices and told.startswith("mapping to ")
    if by_device:
        return f"by device: {_linked(told.removeprefix('mapping to '), types)}"
    return _linked("by device: any value" if one.of_devices else told, types)


def _operation(one: Operation, types: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield from (f"### `{one.name}`", "", one.about, "")
    described = one.arguments.model_json_schema()
    if described.get("properties"):
        yield from fields(described, "argument")
    changes = " It changes something." if one.changes else ""
    yield from (f"Result: {_result(one, types)}.{changes}", "")


def _type(name: str, types: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A type of results; of one that extends another, what it has beside that."""
    node = types[name]
    own = node["properties"]
    less = {
        other: part["properties"]
        for other, part in types.items()
        if part["properties"].keys() < own.keys()
    }
    base = max(less, key=lambda other: len(less[other]), default="")
    yield from (f"### {name}", "", node.get("description", ""), "")
    if base:
        yield from (f"It has all of {_linked(base, types)}, and:", "")
    yield from table(
        ("field", "type", "meaning"),
        [
            (f"`{field}`", _linked(kind(one), types), one.get("description", ""))
            for field, one in own.items()
            if field not in less.get(base, {})
        ],
    )


def control() -> str:
    """docs/reference/control.md."""
    types: dict[str, dict[str, Any]] = {}
    each = [line for name in sorted(OPERATIONS) for line in _operation(OPERATIONS[name], types)]
    text = [
        "# Control reference",
        "",
        NOTE,
        "What can be asked and told a running emulator, at the Unix socket that",
        "`serve --control PATH` opens; [how to use it](../how-to/control.md).",
        "`spdm-emulator ctl operations --json` prints the JSON Schema of all operations,",
        "`ctl call OPERATION JSON` carries out any of them.",
        "",
        "## On the socket",
        "",
        "The socket is its owner's alone (mode 0600): whoever may connect may do all of this.",
        f"Up to {PEERS} peers at a time are served; one more is turned away.",
        "",
        inspect.getdoc(lines) or "",
        "",
        "```text",
        *_EXAMPLE,
        "```",
        "",
        f"A line has up to {lines.LONGEST >> 20} MiB. Of one peer up to {AT_ONCE} operations are",
        f"under way at a time, and up to {QUEUED} events wait. An unknown argument is a mistake. A",
        "change of several devices is made of all of them, or of none.",
        "",
        "## When it is refused",
        "",
        *table(("code", "meaning"), [(f"`{code}`", about) for code, about in _CODES.items()]),
        "## Operations",
        "",
        *each,
        "### `events.subscribe`",
        "",
        "Hear of [events](events.md) on this connection; in place of what it heard before.",
        "",
        *fields(Subscribe.model_json_schema(), "argument"),
        "Result: nothing.",
        "",
        "### `events.unsubscribe`",
        "",
        "Hear of no more events on this connection.",
        "",
        "Result: nothing.",
        "",
        "## Results",
        "",
    ]
    for name in sorted(types):
        text += _type(name, types)
    return _page(text)


def events() -> str:
    """docs/reference/events.md."""
    described = {kind["title"]: kind for kind in schema()["oneOf"]}
    common = ("v", "event", "time", "emulator", "sequence", "device")
    some = next(iter(described.values()))
    head = {
        "properties": {name: some["properties"][name] for name in common},
        "required": some["required"],
    }
    head["properties"]["v"] = {"type": "integer", **some["properties"]["v"]}
    head["properties"]["event"] = {"type": "string", "description": "The kind, as below."}
    text = [
        "# Events reference",
        "",
        NOTE,
        "What an emulator tells while it runs: `ctl watch --json` prints them, one JSON object a",
        "line; on the [control socket](control.md) they come after `events.subscribe`. The JSON",
        "Schema of all of them is [events.schema.json](events.schema.json), which `ctl schema`",
        "prints.",
        "",
        "`v` grows when a field goes away or changes its meaning. New fields and new kinds may",
        "come at any time: skip what you do not know. A field without a value is left out.",
        "",
        "Nothing waits for who listens. What does not fit into a subscriber's queue is dropped,",
        "and the gap in `sequence` shows it; a peer of the socket is told how many, too.",
        "",
        "## All events",
        "",
        *fields(head),
    ]
    for name in KINDS:
        own = described[name]
        rest = {key: one for key, one in own["properties"].items() if key not in common}
        text += [f"## `{name}`", "", own["description"], ""]
        if rest:
            text += fields({"properties": rest, "required": own["required"]})
    return _page(text)


def events_schema() -> str:
    """docs/reference/events.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
