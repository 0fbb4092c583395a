"""The topic tree: what is published where, and what is listened to. Pure.

The documentation's table is written from `TREE`, so that it cannot say anything else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from emulator.errors import EmulatorError

VERSION = "v1"
"""The tree's version: it grows when a topic goes away or a payload changes its meaning."""

Level = Literal["fleet", "emulator", "device"]

LONGEST = 0xFFFF
"""Bytes of a topic (MQTT 5.0, 1.5.4: a string has 16 bits for its size)."""


class TopicError(EmulatorError):
    """A name cannot stand in a topic."""


@dataclass(frozen=True)
class Row:
    """A kind of topic.

    Attributes:
        name: what the code calls it.
        form: its levels behind PREFIX/v1/FLEET; names in braces.
        retained: whether the broker keeps the last message.
        heard: whether an emulator listens to it.
        about: what stands there.
    """

    name: str
    form: str
    retained: bool
    heard: bool
    about: str


TREE = (
    Row(
        "emulator-status",
        "emulator/{emulator}/status",
        retained=True,
        heard=True,
        about="Whether the emulator is there, and its room for devices. Its last will says no",
    ),
    Row(
        "emulator-event",
        "emulator/{emulator}/event/{kind}",
        retained=False,
        heard=False,
        about="An event of no device, such as `dropped`. A dot in a kind is a level of the topic",
    ),
    Row(
        "emulator-command",
        "emulator/{emulator}/command",
        retained=False,
        heard=True,
        about="An operation for one emulator",
    ),
    Row(
        "device-status",
        "device/{device}/status",
        retained=True,
        heard=False,
        about="Whether the device is there, at which address, made from which profile, and by which"
        " emulator. Its last will says it is not",
    ),
    Row(
        "device-event",
        "device/{device}/event/{kind}",
        retained=False,
        heard=False,
        about="An event of the device",
    ),
    Row(
        "device-command",
        "device/{device}/command",
        retained=False,
        heard=True,
        about="An operation for the device, wherever it is",
    ),
    Row(
        "device-owner",
        "device/{device}/owner",
        retained=True,
        heard=True,
        about="Which emulator has taken the device of a shared fleet, and the term of that",
    ),
    Row(
        "fleet-command",
        "command",
        retained=False,
        heard=True,
        about="An operation for every emulator of the fleet; each answers",
    ),
    Row(
        "alive",
        "emulator/{emulator}/alive",
        retained=False,
        heard=True,
        about="A sign of life of an emulator that shares the fleet",
    ),
    Row(
        "offer",
        "offer/{device}",
        retained=False,
        heard=True,
        about="A device of a shared fleet that needs an emulator; a shared subscription hands it to"
        " one that has room",
    ),
)
"""Every topic."""

_ROWS = {row.name: row for row in TREE}
_RESERVED = re.compile(r"[%/+#\x00-\x1f\x7f-\x9f]")
_BRACES = re.compile(r"\\\{(\w+)\\\}")
_PATTERNS = [
    (row, re.compile(_BRACES.sub(lambda b: f"(?P<{b[1]}>{'.+' if b[1] == 'kind' else '[^/]+'})",
                                 re.escape(row.form))))
    for row in TREE
]  # fmt: skip


@dataclass(frozen=True)
class At:
    """A topic taken apart.

    Attributes:
        row: the kind of topic.
        names: the names in it.
    """

    row: Row
    names: Mapping[str, str]


def escaped(name: str) -> str:
    """`name` as one level of a topic: what MQTT reads as more is percent-encoded.

    Raises TopicError for an empty name.
    """
    if not name:
        raise TopicError("found an empty name; expected at least one character for a topic")
    return _RESERVED.sub(lambda found: quote(found[0], safe=""), name)


def check_topic(topic: object, *, what: str) -> str:
    """`topic` if something can be published to it. Raises TopicError."""
    good = isinstance(topic, str) and 0 < len(topic.encode("utf-8", "replace")) <= LONGEST
    if not (isinstance(topic, str) and good) or re.search("[+#\0]", topic):
        raise TopicError(f"{what}: found {topic!r:.80}; expected a topic without + and #")
    return topic


class Topics:
    """The topics of one fleet."""

    def __init__(self, prefix: str, fleet: str) -> None:
        """`prefix`: the levels before the tree's version. Raises TopicError for empty names."""
        self._root = f"{prefix}/{VERSION}/{escaped(fleet)}/"
        self._group = f"$share/{escaped(fleet).replace(' ', '_')}/"

    def of(self, row: str, **names: str) -> str:
        """The topic of this kind for these names. Raises TopicError for an empty one."""
        levels = {
            key: "/".join(map(escaped, name.split("."))) if key == "kind" else escaped(name)
            for key, name in names.items()
        }
        return self._root + _ROWS[row].form.format(**levels)

    def all_of(self, row: str) -> str:
        """The filter for every topic of this kind."""
        form = re.sub(r"\{kind\}", "#", _ROWS[row].form)
        return self._root + re.sub(r"\{\w+\}", "+", form)

    def shared(self, row: str) -> str:
        """The same as a shared subscription: each message goes to one of those who have it."""
        return self._group + self.all_of(row)

    def parse(self, topic: str) -> At | None:
        """What a topic is; None if it is none of this tree."""
        if not topic.startswith(self._root):
            return None
        rest = topic.removeprefix(self._root)
        for row, pattern in _PATTERNS:
            if found := pattern.fullmatch(rest):
                return At(row, {key: _name(key, level) for key, level in found.groupdict().items()})
        return None


def _name(key: str, level: str) -> str:
    if key == "kind":
        return ".".join(map(unquote, level.split("/")))
    return unquote(level)
