"""The Dockerfile, executed step by step in clean roots with Debian's own tools alone.

What differs from an engine is the base image: a minimal Debian of this machine's release stands in
for it, and that release's Python for the one the base image's tag names. So these tests do not show
that the tag exists, how an engine caches, or that it forwards a published port.
"""

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop import dockerfile, package_index
from interop.clean_root import account, base_root, workspace
from interop.image import Builder, Container, Image, run_once, running

ROOT = Path(__file__).parents[2]
READY = "listening on"
PROFILES = sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))

# The first of them makes the base root, where it is not there yet, and builds the image.
pytestmark = [pytest.mark.container, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    base = base_root()
    package_index.require()
    with workspace() as folder:
        yield Builder(base, ROOT, folder).build(dockerfile.read(ROOT))


@pytest.fixture
def container(image: Image) -> Iterator[Container]:
    with running(image, ready=READY) as started:
        yield started


def _is_healthy(container: Container) -> bool:
    """An engine's verdict on one HEALTHCHECK: too late is as bad as a failure."""
    health = container.image.health
    assert health is not None
    try:
        done = container.execute(health.health_command(), within=health.seconds("timeout"))
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode in {0, 1}, done.stdout  # what an engine has a meaning for
    return done.returncode == 0


def test_it_listens_for_everyone_on_the_port_it_exposes(container: Container) -> None:
    (port,) = container.image.ports
    assert f"listening on 0.0.0.0:{port} " in container.ready


def test_its_process_is_nobody_with_rights(container: Container) -> None:
    assert container.uids() == {account(container.image.root, container.image.user).uid}
    assert 0 not in container.uids()
    assert container.capabilities() == 0


def test_it_is_healthy_while_the_device_answers(container: Container) -> None:
    assert _is_healthy(container)
    os.kill(container.pid, signal.SIGSTOP)
    assert not _is_healthy(container)
    os.kill(container.pid, signal.SIGCONT)
    assert _is_healthy(container)


def test_it_is_unhealthy_without_a_device(image: Image) -> None:
    assert image.health is not None
    alone = run_once(image, image.health.health_command())
    assert alone.returncode == 1, alone.stdout
    assert f"127.0.0.1:{image.ports[0]}" in alone.stdout


def test_sigterm_ends_it_well(container: Container) -> None:
    # It is process 1 of its namespace, to which a signal without a handler means nothing.
    assert container.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(container.pid, 0)


def test_arguments_take_the_place_of_the_profile(image: Image) -> None:
    with running(image, "nvme-ssd", "--port", "4000", ready=READY) as started:
        assert "listening on 0.0.0.0:4000 " in started.ready


def test_it_serves_every_ready_profile_without_the_checkout(image: Image) -> None:
    assert PROFILES
    assert not image.outside("/src").exists()
    (data,) = image.root.glob("venv/lib/python3.*/site-packages/emulator/_data")
    shipped = {path.relative_to(data) for path in data.rglob("*") if path.is_file()}
    ours = {
        path.relative_to(ROOT)
        for folder in ("profiles", "certs")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert shipped == ours
    last = image.ports[0] + len(PROFILES) - 1
    with running(image, *PROFILES, ready=f":{last} ") as started:
        assert started.stop() == 0


def test_the_program_is_not_the_users_to_change(image: Image) -> None:
    for path in image.outside("/venv").rglob("*"):
        about = path.lstat()
        assert about.st_uid == 0, path
        assert stat.S_ISLNK(about.st_mode) or not about.st_mode & 0o022, path


def test_nothing_of_the_build_is_left(image: Image) -> None:
    assert set(image.env) == {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    assert not (image.outside("/root") / ".cache").exists()
    assert image.labels["org.opencontainers.image.licenses"] == "Apache-2.0"
