"""Reads a Dockerfile: as much of the format as this repository's own uses; the rest is refused.

The rules are those of the Dockerfile reference: https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from string import Template

_NAMES = frozenset(
    {"FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    | {"LABEL"}
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class DockerfileError(Exception):
    """The file says what the reference forbids, or what this reader does not know."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: its flags without their dashes, and what follows them on joined lines."""

    line: int
    name: str
    text: str
    flags: dict[str, str] = field(default_factory=dict)

    def error(self, problem: str) -> DockerfileError:
        """A complaint that says where the instruction stands."""
        return DockerfileError(f"Dockerfile:{self.line}: {self.name}: {problem}")

    def only_flags(self, *known: str) -> None:
        """Refuse a flag whose effect the caller does not have."""
        if unknown := self.flags.keys() - set(known):
            raise self.error(f"--{min(unknown)} is not known here")

    def command(self) -> list[str]:
        """What is executed: the exec form as it is, the shell form by /bin/sh."""
        if not self.text.startswith("["):
            return ["/bin/sh", "-c", self.text]
        try:
            words = json.loads(self.text)
        except json.JSONDecodeError as error:
            raise self.error(f"not a JSON list of strings: {error}") from error
        if not all(isinstance(word, str) for word in words):
            raise self.error("not a JSON list of strings")
        return list(words)

    def health_command(self) -> list[str]:
        """What HEALTHCHECK executes; words after CMD are in the same two forms as elsewhere."""
        kind, _, rest = self.text.partition(" ")
        if kind != "CMD":
            raise self.error(f"{kind!r} instead of CMD")
        return Instruction(self.line, self.name, rest.strip()).command()

    def seconds(self, flag: str) -> float:
        """A flag's duration, such as 5s; the reference's default for all of them is 30 seconds."""
        given = self.flags.get(flag, "30s")
        duration = re.fullmatch(r"(\d+)(ms|s|m|h)", given, re.ASCII)
        if duration is None:
            raise self.error(f"--{flag}={given}: not one number and ms, s, m or h")
        return int(duration[1]) * _SECONDS[duration[2]]

    def pairs(self, env: dict[str, str]) -> dict[str, str]:
        """The name=value pairs of ENV and LABEL, with $NAME replaced by what `env` has for it."""
        pairs: dict[str, str] = {}
        for word in shlex.split(self.text):
            name, equals, value = word.partition("=")
            if not equals:
                raise self.error(f"{word!r} is not name=value")
            pairs[name] = self.expand(value, env)
        return pairs

    def expand(self, text: str, env: dict[str, str]) -> str:
        """`text` with $NAME replaced; a name that `env` lacks is an error, as it is a slip."""
        try:
            return Template(text).substitute(env)
        except (KeyError, ValueError) as error:
            raise self.error(f"cannot expand {text!r}: {error}") from error


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next: the base image's reference, the stage's name, what follows."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def every(self, name: str) -> list[Instruction]:
        """The instructions of that name, in order."""
        return [one for one in self.instructions if one.name == name]


def parse(text: str) -> list[Stage]:
    """The stages in order; a stage without a name bears its number."""
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            words = instruction.text.split()
            named = len(words) == 3 and words[1].upper() == "AS"
            if not named and len(words) != 1:
                raise instruction.error(f"{instruction.text!r} is neither BASE nor BASE AS NAME")
            instruction.only_flags()
            name = words[2] if named else str(len(stages))
            stages.append(Stage(words[0], name, ()))
        elif not stages:
            raise instruction.error("before the first FROM")
        else:
            *before, last = stages
            grown = Stage(last.base, last.name, (*last.instructions, instruction))
            stages = [*before, grown]
    return stages


def _instructions(text: str) -> list[Instruction]:
    """The instructions, with continued lines joined and comments left out."""
    found: list[Instruction] = []
    joined, began = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip()
        if not line or line.lstrip().startswith("#"):  # also between continued lines
            continue
        began = began if joined else number
        joined += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        found.append(_instruction(began, joined.strip()))
        joined = ""
    if joined:
        raise DockerfileError(f"Dockerfile:{began}: the last line ends in a backslash")
    return found


def _instruction(line: int, text: str) -> Instruction:
    name, _, rest = text.partition(" ")
    flags: dict[str, str] = {}
    while flag := re.match(r"\s*--([a-z-]+)(?:=(\S+))?(?:\s+|$)", rest):
        flags[flag[1]] = flag[2] or ""
        rest = rest[flag.end() :]
    instruction = Instruction(line, name.upper(), rest.strip(), flags)
    if instruction.name not in _NAMES:
        raise instruction.error(f"not one of {', '.join(sorted(_NAMES))}")
    if "<<" in rest:
        raise instruction.error("here-documents are not known here")
    return instruction


def is_ignored(path: PurePosixPath, dockerignore: str) -> bool:
    """Whether .dockerignore keeps `path`, relative to the context, out; the last match decides."""
    ignored = False
    for line in dockerignore.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        expression = _expression(pattern.lstrip("!").strip("/"))
        if any(expression.fullmatch(str(one)) for one in (path, *path.parents)):
            ignored = not pattern.startswith("!")
    return ignored


def _expression(pattern: str) -> re.Pattern[str]:
    """A pattern of .dockerignore: `*` and `?` stay within a name, `**` crosses folders."""
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))


def read(folder: Path) -> list[Stage]:
    """The stages of the folder's Dockerfile."""
    return parse((folder / "Dockerfile").read_text(encoding="utf-8"))
