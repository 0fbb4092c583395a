"""What reading the Dockerfile shows, and the reader itself; test_container.py executes it."""

import platform
import re
import tomllib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from interop import dockerfile, package_index
from interop.dockerfile import DockerfileError, Stage, is_ignored

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GLIBC = ("2_17", "2_28")


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return dockerfile.read(ROOT)


def _python(stage: Stage) -> str:
    """The Python version that the tag of the stage's base image names."""
    tag = re.fullmatch(r"python:(\d+\.\d+)-slim", stage.base)
    assert tag is not None, f"{stage.base}: not a slim Python of a named version"
    return tag[1]


def test_all_stages_have_one_base_that_the_project_knows(stages: list[Stage]) -> None:
    # One base: the virtual environment that is copied over refers to the base's Python.
    versions = {_python(stage) for stage in stages}
    assert len(versions) == 1
    supported = f"Programming Language :: Python :: {versions.pop()}"
    assert supported in PROJECT["project"]["classifiers"]


def test_the_image_runs_as_a_user_without_rights(stages: list[Stage]) -> None:
    users = [instruction.text for instruction in stages[-1].every("USER")]
    assert users
    assert not re.match(r"root\b|0\b", users[-1])


def test_every_package_is_pinned_and_no_cache_is_kept(stages: list[Stage]) -> None:
    runs = [instruction.text for stage in stages for instruction in stage.every("RUN")]
    installs = [run for run in runs if "pip install" in run]
    assert len(installs) == 1
    assert "--no-cache-dir" in installs[0]
    assert "-c constraints.txt" in installs[0]
    assert not [run for run in runs if re.search(r"\b(curl|wget|apt|apt-get)\b", run)]


def test_only_named_things_are_copied_and_all_from_the_project(stages: list[Stage]) -> None:
    copies = [instruction for stage in stages for instruction in stage.every("COPY")]
    sources = {s for one in copies if not one.flags for s in one.text.split()[:-1]}
    assert sources == {
        "pyproject.toml", "constraints.txt", "README.md", "LICENSE", "emulator", "profiles", "certs"
    }  # fmt: skip


def test_the_context_is_no_larger_than_the_build_needs() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    kept_out = [".git/config", ".venv/bin/python", "tests/support.py", ".env", "build/lib/x.py"]
    kept_out += [".mypy_cache/x", "emulator/__pycache__/x.pyc", ".hypothesis/x", "dist/x.whl"]
    assert [one for one in kept_out if not is_ignored(PurePosixPath(one), ignore)] == []


def test_everything_installed_has_a_wheel_for_the_bases_python(
    stages: list[Stage], tmp_path: Path
) -> None:
    package_index.require()  # the slim image has no compiler
    requirements = PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]
    machine = platform.machine()
    found = package_index.finds(
        "--only-binary=:all:",
        f"--python-version={_python(stages[-1])}",
        *(f"--platform=manylinux_{glibc}_{machine}" for glibc in GLIBC),
        f"--platform=manylinux2014_{machine}",
        f"--target={tmp_path}",
        f"--constraint={ROOT / 'constraints.txt'}",
        *requirements,
    )
    assert found.returncode == 0, found.stderr


def test_reads_stages_flags_and_continued_lines() -> None:
    text = "# x\nFROM a:1 AS one\nRUN a \\\n# between\n && b\n\nfrom b:2\nCOPY --from=one /a /b\n"
    one, other = dockerfile.parse(text)
    assert (one.base, one.name, other.base, other.name) == ("a:1", "one", "b:2", "1")
    assert [(i.line, i.command()) for i in one.instructions] == [(3, ["/bin/sh", "-c", "a  && b"])]
    assert [(i.text, i.flags) for i in other.instructions] == [("/a /b", {"from": "one"})]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("RUN true", "Dockerfile:1: RUN: before the first FROM"),
        ("FROM a\nADD b c", "Dockerfile:2: ADD: not one of"),
        ("FROM a AS", "Dockerfile:1: FROM: 'a AS' is neither"),
        ("FROM a\n\nRUN cat <<END", "Dockerfile:3: RUN: here-documents"),
        ("FROM a\nRUN b \\", "Dockerfile:2: the last line ends in a backslash"),
    ],
)
def test_refuses_what_it_does_not_know(text: str, problem: str) -> None:
    with pytest.raises(DockerfileError, match=re.escape(problem)):
        dockerfile.parse(text)


def test_reads_the_values_of_instructions() -> None:
    text = 'FROM a\nENV P="/v:$P" Q=1\nCMD ["a", "b c"]\nHEALTHCHECK --timeout=5s CMD a b'
    env, cmd, health = dockerfile.parse(text)[0].instructions
    assert env.pairs({"P": "/bin"}) == {"P": "/v:/bin", "Q": "1"}
    assert cmd.command() == ["a", "b c"]
    assert health.health_command() == ["/bin/sh", "-c", "a b"]
    assert (health.seconds("timeout"), health.seconds("interval")) == (5.0, 30.0)
    with pytest.raises(DockerfileError, match="cannot expand"):
        env.pairs({})
    with pytest.raises(DockerfileError, match="--timeout=soon: not one number"):
        replace(health, flags={"timeout": "soon"}).seconds("timeout")


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("a", True),
        ("a/b/c", True),
        ("b/a", False),
        ("x/y/__pycache__/z", True),
        ("__pycache__", True),
        ("d/one.txt", True),
        ("d/e/one.txt", False),
        ("d/two.txt", False),
    ],
)
def test_knows_what_is_ignored(path: str, ignored: bool) -> None:  # noqa: FBT001 - a table's cell
    ignore = "# a comment\n/a/\n\n**/__pycache__\nd/*.txt\n!d/two.txt\n"
    assert is_ignored(PurePosixPath(path), ignore) is ignored
