"""A profile file as a tree that remembers where each value stands.

Trees are immutable: merging and setting make new ones that share what did not change. The keys of
a mapping are always text, as written, so `0:` and `"0":` are the same slot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.forms.words import shown

Step = str | int
"""A key of a mapping or an index of a list."""

Steps = tuple[Step, ...]
"""The way from the root to a value."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    Attributes:
        file: the file, as it was named; or `--set PATH`.
        folder: what a relative path in this file is relative to.
        line: from 1; 0 where there are no lines.
        column: from 1; 0 where there are no lines.
    """

    file: str
    folder: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value, and how it was written."""

    place: Place
    value: str | int | float | bool | None
    written: str


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and its value."""

    place: Place
    value: "Node"


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping."""

    place: Place
    entries: Mapping[str, Entry]


Node = ScalarNode | ListNode | MappingNode


class Text(str):
    """A string of a profile that knows its place, so that a path in it can be resolved."""

    __slots__ = ("place",)
    place: Place

    @classmethod
    def at(cls, text: str, place: Place) -> "Text":
        """`text` as it stands at `place`."""
        made = cls(text)
        made.place = place
        return made


def plain(node: Node) -> Any:
    """The tree as dicts, lists and single values; strings are `Text`."""
    if isinstance(node, MappingNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return Text.at(node.value, node.place) if isinstance(node.value, str) else node.value


def merge(base: Node, over: Node) -> Node:
    """`over` on top of `base`: mappings merge key by key, all else is replaced."""
    if not (isinstance(base, MappingNode) and isinstance(over, MappingNode)):
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        merged = merge(below.value, entry.value) if below else entry.value
        entries[key] = Entry(entry.place, merged)
    return MappingNode(over.place, entries)


def follow(root: Node, steps: Steps) -> tuple[Node, Steps]:
    """Walk as far as the tree goes: the last node reached, and the steps that are left."""
    node = root
    for taken, step in enumerate(steps):
        if isinstance(node, MappingNode) and str(step) in node.entries:
            node = node.entries[str(step)].value
        elif isinstance(node, ListNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return node, steps[taken:]
    return node, ()


def key_place(root: Node, steps: Steps) -> Place:
    """Where the key of the last step stands; where there is none, the nearest value above."""
    holder, _ = follow(root, steps[:-1])
    entries = holder.entries if isinstance(holder, MappingNode) else {}
    return entries.get(str(steps[-1]), holder).place


def dotted(steps: Steps) -> str:
    """The way to a value as people write it: `slots.0.chains[1].key`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def found(node: Node) -> str:
    """What stands there, in words for a problem's line."""
    if isinstance(node, MappingNode):
        return "a mapping" if node.entries else "an empty mapping"
    if isinstance(node, ListNode):
        return f"a list of {len(node.items)}" if node.items else "an empty list"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return shown(node.value)
    return node.written if isinstance(node.value, bool) else f"the number {node.written}"
