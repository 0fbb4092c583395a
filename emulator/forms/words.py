"""The words of a problem: what was found, what would be right, and the nearest good name."""

import difflib
import json
from collections.abc import Iterable

_LONGEST = 60


def shown(text: str) -> str:
    """`text` in double quotes on one line, cut after 60 characters, nothing unprintable in it."""
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return json.dumps(short, ensure_ascii=not short.isprintable())


def named(name: str) -> str:
    """A name as a profile writes it: in quotes where YAML would read a number."""
    return name if name[:1].isalpha() else f'"{name}"'


def listed(names: Iterable[str]) -> str:
    """The names a value can be chosen from."""
    all_names = [named(name) for name in names]
    return all_names[0] if len(all_names) == 1 else f"one of {', '.join(all_names)}"


def suggestion(text: str, names: Iterable[str]) -> str:
    """`; did you mean X?` for the name nearest to `text`, or nothing if none is near."""
    by_fold = {name.casefold().replace("-", "_"): name for name in names}
    if not any(map(str.isalpha, text)):
        return ""  # one number is as near as another
    near = difflib.get_close_matches(text.casefold().replace("-", "_"), by_fold, n=1)
    return f"; did you mean {named(by_fold[near[0]])}?" if near else ""


def counted(number: int, unit: str) -> str:
    """`1 byte`, `2 bytes`."""
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
