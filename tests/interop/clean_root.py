"""Clean root directories, and processes inside them, without a container engine.

Every process gets namespaces of its own from unshare(1). Its mounts exist in there alone and end
with it, so that nothing has to be unmounted, and removing a root can never reach what was mounted.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support import require_or_skip

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the system's programs are, outside and inside."""

_PACKAGES = ("python3", "python3-venv")
_TOOLS = ("apt-get", "chroot", "debootstrap", "ip", "nsenter", "setpriv", "unshare")
_DIES_WITH_US = ("setpriv", "--pdeathsig=KILL")
_NAMESPACES = (*_DIES_WITH_US, "unshare", "--mount", "--pid", "--fork", "--kill-child")


@dataclass(frozen=True)
class Account:
    """Whose rights a process has."""

    uid: int = 0
    gid: int = 0
    home: str = "/root"


@dataclass(frozen=True)
class Process:
    """A program inside a root, with the whole of its environment."""

    root: Path
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    account: Account = Account()
    workdir: str = "/"

    def entered(self) -> list[str]:
        """The command line that enters the root and becomes the program.

        Whoever is not root also loses every capability and the means to gain one.
        """
        variables = [f"{name}={value}" for name, value in self.env.items()]
        rights = ["setpriv", f"--reuid={self.account.uid}", f"--regid={self.account.gid}"]
        rights += ["--clear-groups", "--pdeathsig=KILL"]
        if self.account.uid:
            rights += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        entry = ["chroot", str(self.root), *rights, "env", "-i", f"--chdir={self.workdir}"]
        return [*entry, *variables, *self.command]

    def run(self, *read_only: Path) -> None:
        """Run it on the machine's network; each path of `read_only` is seen inside as well.

        Raises AssertionError with the program's own words when it fails.
        """
        with _mount_points(self.root, read_only) as points:
            binds = [
                ["mount", "--bind", "-o", "ro", str(outside), str(inside)]
                for outside, inside in zip(read_only, points, strict=True)
            ]
            done = captured(self.argv(binds))
        assert done.returncode == 0, f"{self.command}: exit {done.returncode}\n{done.stdout}"

    def isolated(self) -> list[str]:
        """The command line for a network of its own, which is a loopback interface, too."""
        return self.argv([["ip", "link", "set", "lo", "up"]], "--net")

    def argv(self, before: Sequence[Sequence[str]], *more: str) -> list[str]:
        """The command line that makes the namespaces, does what goes before, and enters."""
        proc = ["mount", "-t", "proc", "proc", str(self.root / "proc")]
        first = " && ".join(map(shlex.join, [proc, *before]))
        script = f"{first} && exec {shlex.join(self.entered())}"
        return [*_NAMESPACES, *more, "sh", "-c", script]


def account(root: Path, user: str) -> Account:
    """The account of a user of that root."""
    for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines():
        name, _, uid, gid, _, home, _ = line.split(":")
        if name == user:
            return Account(int(uid), int(gid), home)
    raise AssertionError(f"{user}: not in the image's /etc/passwd")


def system_env() -> dict[str, str]:
    """What the tools outside are run with."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {"PATH": PATH, "LC_ALL": "C", **proxies}


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder for roots, on the file system that the base root is kept on; removed at the end.

    What a process left there that was killed is removed at the beginning of the next one.
    """
    for folder in _cache().glob("run-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"run-{os.getpid()}-", dir=_cache()) as name:
        yield Path(name)


def base_root() -> Path:
    """A minimal Debian with Python, made from the machine's own package source and kept.

    Skips where it cannot be made. What is kept is never run in: it is copied.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool, path=PATH) is None]
    require_or_skip(os.geteuid() == 0, "needs root, to enter a root directory of its own")
    hint = f"{', '.join(missing)} not found: apt-get install debootstrap iproute2 util-linux"
    require_or_skip(not missing, hint)
    allowed = captured([*_NAMESPACES, "--net", "true"])
    require_or_skip(allowed.returncode == 0, f"needs namespaces of its own: {allowed.stdout}")
    suite, mirror, components = _own_source()
    require_or_skip(bool(mirror), "needs a Debian whose package source apt knows: apt-get update")
    kept = _cache() / "-".join((suite, *_PACKAGES))
    with (_cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            _make(kept, suite, mirror, components)
    return kept


def _make(kept: Path, suite: str, mirror: str, components: str) -> None:
    """Debootstrap elsewhere, and give it that name once it is whole."""
    with workspace() as folder:
        root = folder / suite
        options = ("--variant=minbase", f"--include={','.join(_PACKAGES)}")
        command = ["debootstrap", *options, f"--components={components}", suite, str(root), mirror]
        made = captured([*_NAMESPACES, *command])
        tail = "\n".join(made.stdout.splitlines()[-5:])
        require_or_skip(made.returncode == 0, f"needs the package source's network: {tail}")
        # The image's base has its own Python, under this name too.
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        root.rename(kept)


def _own_source() -> tuple[str, str, str]:
    """The machine's release, and the repository that apt has for it with its components."""
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    named = dict(line.split("=", 1) for line in shlex.split(release, comments=True) if "=" in line)
    suite = named.get("VERSION_CODENAME", "")
    form = "$(CODENAME) $(REPO_URI) $(COMPONENT)"
    listed = captured(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    rows = [line.split() for line in listed.stdout.splitlines()]
    ours = [row[1:] for row in rows if row[0] == suite]
    mirror = next((uri for uri, component in ours if component == "main"), "")
    return suite, mirror, ",".join(component for uri, component in ours if uri == mirror)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(home) / "spdm-emulator-tests"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cache


def captured(argv: Sequence[str], within: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end, or to subprocess.TimeoutExpired; stdout has both streams."""
    return subprocess.run(
        argv,
        check=False,
        env=system_env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within,
    )


@contextmanager
def _mount_points(root: Path, paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Empty files and folders in `root` to mount these on; those that were made are removed."""
    made: list[Path] = []
    points = [root / path.relative_to("/") for path in paths]
    for path, point in zip(paths, points, strict=True):
        made += [one for one in reversed(point.parents) if not one.exists()]
        point.parent.mkdir(parents=True, exist_ok=True)
        if not point.exists():
            made.append(point)
            point.mkdir() if path.is_dir() else point.touch()
    try:
        yield points
    finally:
        for one in reversed(made):
            one.rmdir() if one.is_dir() else one.unlink()
