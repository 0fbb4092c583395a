"""Every command and snippet in the documentation is run, and generated pages are current.

Blocks of one page share a folder. A `yaml` or `python` block that begins with `# file: NAME` is
written there; other `sh` and `python` blocks are run there. What cannot be run here says why in a
comment before it: `<!-- not run: REASON -->`. `<!-- needs QEMU -->` and `<!-- needs mosquitto -->`
skip the rest of a page where there is none.
"""

import contextlib
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support import require_or_skip

from emulator.qemu import version_problem

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

SBIN = "/usr/sbin"
"""Where Debian has daemons; not everybody's path leads there."""

REASONS = {
    "needs DMTF's requester",
    "needs a container engine",
    "needs a guest kernel with the CMA patches",
    "needs a PCI function with a DOE mailbox",
    "needs an MCTP endpoint",
    "needs systemd",
    "needs a requester that listens",
    "the test already has the command on its path",
}
_BLOCK = re.compile(
    r"(?:<!-- (?:not run: (?P<reason>[^>]*?)|needs (?P<needs>QEMU|mosquitto)) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    line: int
    language: str
    code: str
    reason: str | None
    needs: str | None


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            text.count("\n", 0, found.start("code")) + 1,
            found["language"],
            found["code"],
            found["reason"],
            found["needs"],
        )
        for found in _BLOCK.finditer(text)
    ]


RUN = [page for page in PAGES if any(b.language in ("sh", "python", "yaml") for b in blocks(page))]


def mosquitto_problem() -> str | None:
    """Why a page that starts a broker cannot be run; None: it can."""
    names = ("mosquitto", "mosquitto_rr")
    there = all(shutil.which(name) or shutil.which(name, path=SBIN) for name in names)
    return None if there else "apt-get install mosquitto mosquitto-clients"


PROBLEMS = {"QEMU": version_problem, "mosquitto": mosquitto_problem}
"""What a page may need, and what tells why it is not to be had."""


def environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], SBIN])
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "LANG"))}
    return {**kept, "PATH": path, "HOME": str(folder), "COLUMNS": "100"}


def shell(code: str) -> tuple[list[str], Path | None]:
    """The command that runs `code`, and where, if not in the page's folder.

    `make` belongs to the checkout; the tests it would start are those running now.
    """
    if re.search(r"^make ", code, re.MULTILINE):
        code = re.sub(r"^make test", "make -n test", code, flags=re.MULTILINE)
        code = re.sub(r"^make ", f"make VENV={sys.prefix} ", code, flags=re.MULTILINE)
        return ["bash", "-euo", "pipefail", "-c", code], ROOT
    return ["bash", "-euo", "pipefail", "-c", code], None


@pytest.mark.timeout(600)  # a page is some twenty commands, one after the other
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_snippet_runs(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.reason is not None:
            assert block.reason in REASONS, f"{where}: {block.reason!r} is no known reason"
            continue
        if block.needs is not None:
            problem = PROBLEMS[block.needs]()
            require_or_skip(problem is None, problem or "")
        named = re.match(r"# file: (\S+)\n", block.code)
        assert named or block.language != "yaml", f"{where}: begins with no '# file: NAME'"
        if named:
            (tmp_path / named[1]).write_text(block.code, encoding="utf-8")
            continue
        if block.language == "text":
            continue
        assert block.language in ("sh", "python"), f"{where}: nothing runs {block.language}"
        command, folder = (
            shell(block.code)
            if block.language == "sh"
            else ([sys.executable, "-W", "error", "-c", block.code], None)
        )
        status, output = run(command, folder or tmp_path, environment(tmp_path))
        assert status == 0, f"{where}\n{output}"


def run(command: list[str], folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """Run a snippet; what it leaves running, because it failed half way, ends with it."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        process.wait(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        output = process.communicate(timeout=60)[0]
    return process.returncode, output


def test_generated_pages_are_current() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    generate = importlib.import_module("generate")

    for name, write in generate.PAGES.items():
        current = (generate.REFERENCE / name).read_text(encoding="utf-8")
        assert current == write(), f"docs/reference/{name} is stale: run `make docs`"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
