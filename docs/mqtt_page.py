"""The generated page of the reference about MQTT; `generate.py` writes it."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from emulator.control.mqtt import topics
from emulator.control.mqtt.bridge import WAITING
from emulator.control.mqtt.handover import Claim, Peer
from emulator.control.mqtt.statuses import device_status, emulator_status, owner
from emulator.profile.broker import Broker

Table = Callable[[tuple[str, ...], list[tuple[str, ...]]], Iterator[str]]
Fields = Callable[[dict[str, Any]], Iterator[str]]

_TOPICS = f"""\
Every topic begins with `PREFIX/{topics.VERSION}/FLEET/`; the prefix is `spdm` unless said
otherwise. The version grows when a topic goes away or a payload changes its meaning; new topics and
new keys may come at any time. In names, `%`, `/`, `+`, `#` and what does not print are
percent-encoded. All messages have QoS 1.
"""

_EVENTS = """\
`KIND` is an event's kind with a level for each dot: `connection/up`. So
`device/+/event/connection/#` is every connection of every device. The payload is the event as the
control socket tells it.

`emulator/EMULATOR/event/dropped` tells how many events did not fit while the broker was away or
slow: `count` since it was last told, `total` in all. What was under way when a connection ended
comes again: an event that comes twice has the same `sequence`.
"""

_PAYLOADS = """\
`id` is new whenever an emulator starts. `room` is how many devices more it takes of a shared fleet;
null: any number.
"""

_ANSWERS = f"""\
The answer goes to MQTT 5's Response Topic with its Correlation Data, or to `reply_to`. It is
`{{"id": 1, "ok": true, "emulator": NAME, "result": …}}`, or has `"ok": false` and
`"error": {{"code", "message", "problems"}}`. Commands are carried out one after the other; where
{WAITING} wait already, the next is answered with code `conflict`, and one that is malformed with
`invalid`. A retained one is passed over. One for a device that nobody serves has no answer.
"""


def page(note: str, table: Table, fields: Fields) -> str:
    """docs/reference/mqtt.md; `table` and `fields` write tables of cells and of models."""
    described = Broker.model_json_schema()
    parts = described["$defs"]
    lines = [
        "# MQTT reference",
        "",
        note,
        "What an emulator publishes on a broker, and what it listens to.",
        "[How it is used](../how-to/mqtt.md); [why it is so](../explanation/mqtt.md).",
        "",
        "## Topics",
        "",
        _TOPICS,
        *table(
            ("topic", "retained", "the emulator", "what it is"),
            [(_form(row), "yes" if row.retained else "no", _does(row), row.about + ".")
             for row in topics.TREE],
        ),
        _EVENTS,
        "## Retained payloads",
        "",
        *table(
            ("topic", "payload"),
            [
                (f"`{topic}`", f"`{json.dumps(said, ensure_ascii=False)}`")
                for topic, said in _retained()
            ],
        ),
        _PAYLOADS,
        "## Commands",
        "",
        "A command is a JSON object, of at most 1 MiB:",
        "",
        *table(
            ("key", "meaning"),
            [
                ("`op`", "The operation, as at the control socket."),
                ("`args`", "Its arguments; at a device's topic without `devices`."),
                ("`id`", "Repeated in the answer. Optional."),
                ("`reply_to`", "The topic of the answer, for clients of MQTT 3.1.1. Optional."),
            ],
        ),
        _ANSWERS,
        "## What can be said of a broker",
        "",
        *fields(described),
    ]  # fmt: skip
    for name in ("BrokerTls", "Sharing"):
        lines += [f"### {name}", "", parts[name]["description"], "", *fields(parts[name])]
    return "\n".join(lines).rstrip() + "\n"


def _form(row: topics.Row) -> str:
    return "`" + re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), row.form) + "`"


def _does(row: topics.Row) -> str:
    if row.name.endswith("-command"):
        return "hears"
    return "says and hears" if row.heard else "says"


def _retained() -> Iterator[tuple[str, Any]]:
    """What is retained, by way of example."""
    me = Peer("5f0c…", "bench", "2026-01-01T00:00:00.000000Z", None)
    about = {"address": "127.0.0.1:2323", "profile": "nvme-ssd"}
    emulator, device = "emulator/bench/status", "device/nvme-ssd/status"
    yield emulator, emulator_status(me, online=True, version="…", devices=1, dropped=0)
    yield emulator, emulator_status(me, online=False)
    yield device, device_status("nvme-ssd", "bench", about)
    yield device, device_status("nvme-ssd", "bench")
    yield "device/nvme-ssd/owner", json.loads(owner(Claim(1, "5f0c…", "bench")))
