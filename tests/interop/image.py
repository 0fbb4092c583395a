"""Builds what a Dockerfile describes in clean root directories, and starts it."""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from interop import package_index
from interop.clean_root import PATH, Process, account, captured, system_env
from interop.dockerfile import DockerfileError, Instruction, Stage, is_ignored

_STARTED_WITHIN = 30.0
_STOPPED_WITHIN = 10.0


@dataclass
class Image:
    """A root and what an engine remembers beside it; `health` is the HEALTHCHECK instruction."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    user: str = "root"
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    health: Instruction | None = None

    def process(self, command: Sequence[str]) -> Process:
        """A program in the image, as the image's user and in its folder."""
        owner = account(self.root, self.user)
        env = {"HOME": owner.home, **self.env}
        return Process(self.root, command, env, owner, self.workdir)

    def remember(self, instruction: Instruction) -> None:
        """Take over what an instruction says about the image, rather than does in its root."""
        if instruction.name != "HEALTHCHECK":
            instruction.only_flags()
        match instruction.name:
            case "ENV":
                self.env |= instruction.pairs(self.env)
            case "LABEL":
                self.labels |= instruction.pairs(self.env)
            case "USER":
                self.user = instruction.text
            case "WORKDIR":
                self.workdir = str(PurePosixPath(self.workdir, instruction.text))
                self.outside("").mkdir(parents=True, exist_ok=True)
            case "EXPOSE":
                self.ports += [int(port) for port in instruction.text.split()]
            case "ENTRYPOINT":
                self.entrypoint, self.cmd = instruction.command(), []
            case "CMD":
                self.cmd = instruction.command()
            case "HEALTHCHECK":
                self.health = instruction

    def outside(self, path: str) -> Path:
        """Where a path of the image, which may be relative to its folder, is on this machine."""
        return self.root / str(PurePosixPath(self.workdir, path)).lstrip("/")


class Builder:
    """Executes stages over copies of one base root."""

    def __init__(self, base: Path, context: Path, folder: Path) -> None:
        """`context` is the folder with the Dockerfile; the stages' roots are made in `folder`."""
        self._base, self._context, self._folder = base, context, folder
        ignore = context / ".dockerignore"
        self._ignored = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
        self._images: dict[str, Image] = {}
        self._index = package_index.settings()

    def build(self, stages: Sequence[Stage]) -> Image:
        """The last stage's image."""
        image = Image(self._base)
        for number, stage in enumerate(stages):
            if stage.base in self._images:
                raise DockerfileError(f"FROM {stage.base}: a stage as a base is not known here")
            image = Image(self._folder / str(number))
            # cp keeps owners, links and device nodes, which shutil does not.
            copied = captured(["cp", "--archive", str(self._base), str(image.root)])
            assert copied.returncode == 0, copied.stdout
            for instruction in stage.instructions:
                self._execute(instruction, image)
            self._images[stage.name] = image
        return image

    def _execute(self, instruction: Instruction, image: Image) -> None:
        match instruction.name:
            case "COPY":
                self._copy(instruction, image)
            case "RUN":
                instruction.only_flags()
                process = image.process(instruction.command())
                process = replace(process, env={**process.env, **self._index})
                process.run(*package_index.paths(self._index))
            case _:
                image.remember(instruction)

    def _copy(self, instruction: Instruction, image: Image) -> None:
        instruction.only_flags("from")
        *sources, target = instruction.text.split()
        if len(sources) > 1 and not target.endswith("/"):
            raise instruction.error(f"several sources need a folder, such as {target}/")
        stage = instruction.flags.get("from")
        for source in sources:
            start = self._context / source if stage is None else self._images[stage].outside(source)
            if not start.exists() or (stage is None and self._is_ignored(start)):
                raise instruction.error(f"{source} is not there to be copied")
            into = image.outside(target)
            if start.is_dir():
                skip = self._skipped if stage is None else None
                shutil.copytree(start, into, symlinks=True, ignore=skip, dirs_exist_ok=True)
            else:
                into = into / start.name if target.endswith("/") else into
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(start, into)

    def _is_ignored(self, path: Path) -> bool:
        return is_ignored(PurePosixPath(path.relative_to(self._context)), self._ignored)

    def _skipped(self, folder: str, names: list[str]) -> set[str]:
        return {name for name in names if self._is_ignored(Path(folder, name))}


@dataclass(frozen=True)
class Container:
    """A running image; its first process is number 1 inside, and `pid` on this machine."""

    image: Image
    pid: int
    ready: str
    outer: subprocess.Popen[bytes]

    def execute(self, command: Sequence[str], within: float) -> subprocess.CompletedProcess[str]:
        """Run a second program beside the first; subprocess.TimeoutExpired after `within` s."""
        spaces = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid"]
        argv = [*spaces, "--", *self.image.process(command).entered()]
        return captured(argv, within)

    def uids(self) -> set[int]:
        """The real, effective, saved and file system user identities of the first process."""
        return {int(word) for word in self._status("Uid")}

    def capabilities(self) -> int:
        """The effective capabilities of the first process."""
        return int(self._status("CapEff")[0], 16)

    def stop(self) -> int:
        """End it as an engine does, by SIGTERM to its first process; its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.outer.wait(_STOPPED_WITHIN)

    def _status(self, wanted: str) -> list[str]:
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name == wanted:
                return rest.split()
        raise AssertionError(f"process {self.pid} has no {wanted}")


@contextmanager
def running(image: Image, *cmd: str, ready: str) -> Iterator[Container]:
    """Start the image, with `cmd` in place of its CMD if given.

    Yields once it printed a line with `ready` in it. What of it still runs at the end is killed.
    """
    process = image.process([*image.entrypoint, *(cmd or image.cmd)])
    outer = subprocess.Popen(
        process.isolated(),
        env=system_env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert outer.stdout is not None
    try:
        line = _line_with(ready, outer.stdout.fileno())
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        yield Container(image, int(children.read_text(encoding="ascii")), line, outer)
    finally:
        outer.kill()  # whom --kill-child and --pdeathsig follow
        outer.communicate()


def _line_with(words: str, descriptor: int) -> str:
    """The first line with these words that comes out within the time for starting."""
    until = time.monotonic() + _STARTED_WITHIN
    said = b""
    while select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
        data = os.read(descriptor, 4096)
        said += data
        *lines, _ = said.decode().split("\n")
        if found := [line for line in lines if words in line]:
            return found[0]
        if not data:
            break
    raise AssertionError(f"no line with {words!r}, but: {said.decode()!r}")


def run_once(image: Image, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run another program in place of the image's own, alone in its namespaces."""
    return captured(image.process(command).isolated(), _STARTED_WITHIN)
