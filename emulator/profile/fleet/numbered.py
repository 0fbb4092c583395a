"""Text with a number in it: `{n}`, or `{n:FORMAT}` with a format such as Python has for numbers."""

import re

from emulator.profile import syntax
from emulator.profile.tree import Entry, ListNode, MappingNode, Node, ScalarNode

_NUMBER = re.compile(r"\{n(?::(0?[1-9]?[0-9]?[dxX]?))?\}", re.ASCII)
_BRACES = re.compile(r"\{[^{}]*\}?|\}")


def misfit(text: str) -> str:
    """The first part of `text` in braces that is no number; '' if there is none."""
    for found in _BRACES.finditer(text):
        if not _NUMBER.fullmatch(found[0]):
            return found[0]
    return ""


def is_numbered(text: str) -> bool:
    """Whether there is a number in `text`."""
    return _NUMBER.search(text) is not None


def numbered(text: str, n: int) -> str:
    """`text` with the number `n` where it stands."""
    return _NUMBER.sub(lambda found: format(n, found[1] or ""), text)


def varies(node: Node) -> bool:
    """Whether a number stands in a value of the tree."""
    if isinstance(node, MappingNode):
        return any(varies(entry.value) for entry in node.entries.values())
    if isinstance(node, ListNode):
        return any(map(varies, node.items))
    return isinstance(node.value, str) and is_numbered(node.value)


def numbered_tree(node: Node, n: int) -> Node:
    """The tree with `n` in its values, each of which is read anew if there is a number in it."""
    if isinstance(node, MappingNode):
        return MappingNode(
            node.place,
            {
                key: Entry(entry.place, numbered_tree(entry.value, n))
                for key, entry in node.entries.items()
            },
        )
    if isinstance(node, ListNode):
        return ListNode(node.place, tuple(numbered_tree(item, n) for item in node.items))
    if not (isinstance(node.value, str) and is_numbered(node.value)):
        return node
    text = numbered(node.value, n)
    return ScalarNode(node.place, syntax.resolve(text), text)
