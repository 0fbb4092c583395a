"""Finding profile files, and putting a profile together from the files it extends."""

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from emulator import resources
from emulator.crypto.certificate import printable
from emulator.errors import ProfileError
from emulator.forms.words import listed, shown, suggestion
from emulator.profile import syntax
from emulator.profile.report import Report
from emulator.profile.tree import MappingNode, Node, Place, ScalarNode, found, merge

FORMAT = 1
"""The version of the file format."""

MAX_BYTES = 4 * syntax.MAX_CHARACTERS
MAX_FILES = 16
"""How many files one profile may be put together from."""

_SUFFIXES = (".yaml", ".yml")


class WrongUseError(ProfileError):
    """The call itself is wrong: there is no such profile, or a setting has no value."""


def ready() -> list[str]:
    """The names of the ready profiles that come with this package."""
    return sorted(path.stem for path in resources.folder("profiles").glob("*.yaml"))


def find(name_or_path: str | Path) -> Path:
    """The file of a ready profile's name, or of a path.

    What looks like a path (it has a separator or ends in .yaml or .yml) is one. Raises
    WrongUseError, a ProfileError, if there is no such file.
    """
    path = resolve(str(name_or_path), Path())
    if path is None:
        text = str(name_or_path)
        raise WrongUseError([printable(f"{text}: found no such profile; {expected_profile(text)}")])
    return path


def resolve(text: str, folder: Path) -> Path | None:
    """The file that `text` names, where relative paths are relative to `folder`."""
    names_a_path = "/" in text or text.endswith(_SUFFIXES)
    if not names_a_path and text in ready():
        return resources.folder("profiles") / f"{text}.yaml"
    path = folder / text
    return path if is_file(path) else None


def expected_profile(text: str) -> str:
    """What is expected where `text` names no profile."""
    names = ready()
    return f"expected {listed(names)}, or the path of a file{suggestion(text, names)}"


def is_file(path: Path) -> bool:
    """Whether `path` is a file; a path that no file can have is none."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def assemble(path: Path, report: Report) -> Node | None:
    """The tree of a profile: its file over the one it extends, and so on.

    None if there is nothing to judge; `report` says why.
    """
    return _assemble(path, report, ())


def _assemble(path: Path, report: Report, below: tuple[Path, ...]) -> Node | None:
    node = read(path, report)
    if node is None:
        return None
    if not isinstance(node, MappingNode):
        report.line(node.place, f"found {found(node)}; expected a mapping")
        return None
    _check_format(node, report)
    base_path = _base(node, report, (*below, path.resolve()))
    if base_path is None:
        return node
    base = _assemble(base_path, report, (*below, path.resolve()))
    if base is None:
        report.incomplete = True
        return node
    return merge(base, node)


def read(path: Path, report: Report) -> Node | None:
    """The tree of one file; None if it cannot be read, and `report` says why."""
    place = Place(str(path), path.parent)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        report.line(
            place, f"found a file that cannot be read ({error.strerror}); expected a profile"
        )
        return None
    if len(data) > MAX_BYTES:
        report.line(place, f"found more than {MAX_BYTES} bytes; expected a profile")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        at = Place(str(path), path.parent, line, column)
        report.line(at, f"found byte {data[error.start]:#04x}; expected UTF-8")
        return None
    node, problems = _parse(text, str(path), path.parent)
    for at, problem in problems:
        report.line(at, problem)
    return node


@lru_cache(maxsize=64)
def _parse(text: str, file: str, folder: Path) -> tuple[Node | None, tuple[tuple[Place, str], ...]]:
    """Many devices come from one file; trees can be shared because nothing changes them."""
    node, problems = syntax.parse(text, file, folder)
    return node, tuple(problems)


def _check_format(node: MappingNode, report: Report) -> None:
    """Every file says which format it has, so that it can be read as that format says."""
    entry = node.entries.get("profile")
    expected = f"expected {FORMAT}, the version of this file format"
    if entry is None:
        report.line(node.place, f"profile: found nothing; {expected}")
        return
    value = entry.value
    if not (isinstance(value, ScalarNode) and type(value.value) is int and value.value == FORMAT):
        report.line(value.place, f"profile: found {found(value)}; {expected}")


def _base(node: MappingNode, report: Report, above: tuple[Path, ...]) -> Path | None:
    """The file that `node` extends, if it extends one that is there."""
    entry = node.entries.get("extends")
    if entry is None or (isinstance(entry.value, ScalarNode) and entry.value.value is None):
        return None
    path, problem = _base_path(entry.value, above)
    if problem:
        report.incomplete = True
        report.line(entry.value.place, f"extends: {problem}")
    return path


def _base_path(value: Node, above: tuple[Path, ...]) -> tuple[Path | None, str]:
    """The file that `value` names; or what is wrong with it."""
    if not isinstance(value, ScalarNode) or not isinstance(value.value, str):
        return None, f"found {found(value)}; expected text"
    path = resolve(value.value, value.place.folder)
    if path is None:
        return None, f"found {shown(value.value)}; {expected_profile(value.value)}"
    if path.resolve() in above:
        chain = " extends ".join(file.name for file in (*above, path.resolve()))
        return None, f"found a cycle ({chain}); expected an end"
    if len(above) == MAX_FILES:
        return None, f"found one more file; expected at most {MAX_FILES}"
    return path, ""
