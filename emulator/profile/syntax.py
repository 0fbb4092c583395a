"""Reading YAML 1.2 into a tree: nothing but mappings, lists and single values.

ruamel.yaml scans and parses; its events are put together here rather than by its constructors, so
that no tag is obeyed, each key and value keeps its place, a repeated key is a problem, and neither
deep nesting nor a bomb of aliases costs more than reading its text. Single values follow the core
schema of YAML 1.2.2 §10.3.2, so `012` is twelve and `yes` is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from emulator.forms.words import shown
from emulator.profile.tree import Entry, ListNode, MappingNode, Node, Place, ScalarNode, dotted

MAX_CHARACTERS = 256 * 1024
"""The longest file."""

MAX_DEPTH = 20
"""How deep mappings and lists may nest; a profile needs 7."""

MAX_VALUES = 20_000
"""How many values a file may amount to once its aliases are followed."""

_LONGEST_NUMBER = 64
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    re.ASCII,
)

_NOT_YAML = (YAMLError, ValueError, ArithmeticError, AssertionError)
"""What ruamel.yaml raises: beside its own errors, others for odd escapes and directives."""


@dataclass
class _Open:
    """A mapping or list whose end has not come yet."""

    place: Place
    anchor: str | None
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: str | None = None
    key_place: Place | None = None
    weight: int = 1

    def node(self) -> Node:
        """The finished node."""
        if self.is_mapping:
            return MappingNode(self.place, self.entries)
        return ListNode(self.place, tuple(self.items))


def parse(
    text: str, file: str, folder: Path, *, lines: bool = True
) -> tuple[Node | None, list[tuple[Place, str]]]:
    """Read one YAML document.

    Args:
        text: the document.
        file: what places call it.
        folder: what relative paths in it are relative to.
        lines: whether places have lines; without them `file` alone is the place.

    Returns:
        The tree, None if there is none to speak of, and all problems.
    """
    return _Composer(file, folder, lines=lines).compose(text)


class _Composer:
    """Puts the events of one document together."""

    def __init__(self, file: str, folder: Path, *, lines: bool) -> None:
        self._start = Place(file, folder, 1, 1) if lines else Place(file, folder)
        self._lines = lines
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._root: Node | None = None
        self._documents = 0
        self.problems: list[tuple[Place, str]] = []

    def compose(self, text: str) -> tuple[Node | None, list[tuple[Place, str]]]:
        """The tree and the problems; a mistake in the syntax ends the reading."""
        if len(text) > MAX_CHARACTERS:
            self._say(
                self._start,
                f"found {len(text)} characters; expected at most {MAX_CHARACTERS}",
            )
            return None, self.problems
        try:
            for event in self._events(text):
                self._take(event)
        except _TooMuchError:
            return None, self.problems
        if not self._documents:
            self._say(self._start, "found no content; expected a profile")
        return self._root, self.problems

    def _events(self, text: str) -> Iterator[Event]:
        """What ruamel.yaml parses; a mistake in the syntax becomes a problem."""
        try:
            yield from YAML(typ="safe", pure=True).parse(text)
        except _NOT_YAML as error:
            mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
            what = error.problem if isinstance(error, MarkedYAMLError) else str(error)
            reason = " ".join(str(what).split())
            self._say(
                self._place(mark) if mark else self._start,
                f"found a mistake in the syntax ({shown(reason)[1:-1]}); expected YAML 1.2",
            )
            raise _TooMuchError from error

    def _place(self, mark: StringMark) -> Place:
        if not self._lines:
            return self._start
        return Place(self._start.file, self._start.folder, mark.line + 1, mark.column + 1)

    def _say(self, place: Place, problem: str) -> None:
        way = dotted(self._steps())
        self.problems.append((place, f"{way}: {problem}" if way else problem))

    def _steps(self) -> tuple[str | int, ...]:
        return tuple(
            (one.key or "") if one.is_mapping else len(one.items)
            for one in self._open
            if not one.is_mapping or one.key is not None
        )

    def _take(self, event: Event) -> None:
        match event:
            case DocumentStartEvent():
                self._start_document(event)
            case ScalarEvent():
                self._take_scalar(event)
            case AliasEvent():
                self._take_alias(event)
            case SequenceStartEvent() | MappingStartEvent():
                self._take_start(event)
            case SequenceEndEvent() | MappingEndEvent():
                done = self._open.pop()
                self._add(done.node(), done.weight, done.anchor, done.place)

    def _start_document(self, event: DocumentStartEvent) -> None:
        self._documents += 1
        place = self._place(event.start_mark)
        if self._documents > 1:
            self._say(place, "found a second document; expected one")
            raise _TooMuchError
        if event.version not in (None, (1, 2)):
            self._say(place, f"found YAML {event.version[0]}.{event.version[1]}; expected YAML 1.2")

    def _take_scalar(self, event: ScalarEvent) -> None:
        place = self._place(event.start_mark)
        self._refuse_tag(event, place)
        text: str = event.value
        if not _encodable(text):
            self._say(place, f"found {shown(text)}; expected no half of a surrogate pair")
            text = ""
        is_plain = event.style in (None, "") and not event.tag
        value = resolve(text) if is_plain else text
        self._add(ScalarNode(place, value, text), 1, event.anchor, place)

    def _take_start(self, event: SequenceStartEvent | MappingStartEvent) -> None:
        place = self._place(event.start_mark)
        self._refuse_tag(event, place)
        if len(self._open) == MAX_DEPTH:
            self._say(place, f"found a deeper nesting; expected at most {MAX_DEPTH} levels")
            raise _TooMuchError
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(place, event.anchor, isinstance(event, MappingStartEvent)))

    def _take_alias(self, event: AliasEvent) -> None:
        place = self._place(event.start_mark)
        name = event.anchor
        target = self._anchors.get(name)
        if target is None:
            inside = name in self._anchors
            where = "a value around it" if inside else "no anchor before it"
            self._say(place, f"found the alias *{name}, which names {where}; expected an anchor")
            target = ScalarNode(place, None, ""), 1
        self._add(*target, None, place)

    def _refuse_tag(self, event: Any, place: Place) -> None:
        if event.tag:
            self._say(place, f"found the tag {shown(str(event.tag))}; expected no tag")

    def _add(self, node: Node, weight: int, anchor: str | None, place: Place) -> None:
        """Put a finished node where it belongs: key, value, item or root."""
        if anchor:
            self._anchors[anchor] = node, weight
        if not self._open:
            self._root = node
            return
        top = self._open[-1]
        top.weight += weight
        if top.weight > MAX_VALUES:
            self._say(place, f"found too many values; expected at most {MAX_VALUES}")
            raise _TooMuchError
        if not top.is_mapping:
            top.items.append(node)
        elif top.key is None:
            self._take_key(top, node, place)
        else:
            place = top.key_place or place
            before = top.entries.get(top.key)
            if before is None:
                top.entries[top.key] = Entry(place, node)
            else:
                first = f" (first {_line(before.place)})" if self._lines else ""
                self._say(place, f"found the key a second time; expected it once{first}")
            top.key = None

    def _take_key(self, top: _Open, node: Node, place: Place) -> None:
        top.key_place = place
        top.key = ""
        if not isinstance(node, ScalarNode):
            self._say(place, "found a mapping or a list as a key; expected text")
        elif not node.written.isprintable():
            self._say(place, f"found the key {shown(node.written)}; expected printable text")
        else:
            top.key = node.written


class _TooMuchError(Exception):
    """There is no point in reading on; the problem is noted."""


def _line(place: Place) -> str:
    return f"on line {place.line}"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 10 if text.lstrip("+-").isdecimal() else 0)
    if _FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1) if text[-1] in "fFnN" else text)
    return text
