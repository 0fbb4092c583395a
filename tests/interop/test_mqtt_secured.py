"""TLS, client certificates and passwords against a real mosquitto; and the wrong ones."""

import asyncio
import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interop.mosquitto import Mosquitto, tool
from interop.mqtt_support import broker_at, emulating, until
from support import require_or_skip

from emulator.control.mqtt import Dialer
from emulator.errors import ProfileError

# paho leaves the socket of a handshake that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def openssl(folder: Path, *arguments: str) -> None:
    program = shutil.which("openssl")
    require_or_skip(program is not None, "apt-get install openssl")
    subprocess.run([str(program), *arguments], cwd=folder, check=True, capture_output=True)


def issue(folder: Path, name: str, extension: str = "") -> None:
    """A key and a certificate of the authority `ca`, or of itself for an authority."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    common = ("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    more = ("-addext", extension) if extension else ()
    by = () if name.endswith("ca") else ("-CA", "ca.pem", "-CAkey", "ca.key")
    openssl(folder, "req", "-x509", "-days", "2", *key, *common, *more, *by)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of an authority and of another one, and a password."""
    folder = tmp_path_factory.mktemp("tls")
    for authority in ("ca", "other-ca"):
        issue(folder, authority, "basicConstraints=critical,CA:true")
    issue(folder, "server", "subjectAltName=IP:127.0.0.1")
    issue(folder, "elsewhere", "subjectAltName=DNS:elsewhere.example")
    issue(folder, "client")
    (folder / "password").write_text("s3cret\n")
    (folder / "wrong").write_text("guess\n")
    passwords = [tool("mosquitto_passwd"), "-b", "-c", "passwords", "ann", "s3cret"]
    subprocess.run(passwords, cwd=folder, check=True)
    return folder


@pytest.fixture
def secured(files: Path, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that wants a client certificate and a password."""
    with Mosquitto(
        tmp_path,
        f"cafile {files}/ca.pem",
        f"certfile {files}/server.pem",
        f"keyfile {files}/server.key",
        "require_certificate true",
        "allow_anonymous false",
        f"password_file {files}/passwords",
    ) as broker:
        yield broker


def settings(files: Path, **changes: Any) -> dict[str, Any]:
    """What a client of the secured broker says; `changes` by their names."""
    names: dict[str, Any] = {
        "ca": "ca.pem", "certificate": "client.pem", "key": "client.key", "username": "ann",
        "password_file": "password", "verify_host": True,
    } | changes  # fmt: skip
    tls = {key: files / names[key] for key in ("ca", "certificate", "key") if names[key]}
    return {
        "tls": {**tls, "verify_host": names["verify_host"]},
        "username": names["username"],
        "password_file": names["password_file"] and files / names["password_file"],
    }


async def test_all_of_it_at_once(secured: Mosquitto, files: Path) -> None:
    async with emulating(broker_at(secured.port, **settings(files)), "left") as emulator:
        await until(emulator.bridge.connected.is_set)
        await until(lambda: emulator.bridge.events.acknowledged == emulator.desk.hub.told)
    client = ["--cafile", "ca.pem", "--cert", "client.pem", "--key", "client.key"]
    secured.options = [str(files / one) if "." in one else one for one in client]
    secured.options += ["-u", "ann", "-P", "s3cret"]
    status = secured.retained("spdm/v1/lab/device/left/status")
    assert status is not None
    assert '"online":false' in status


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password_file": "wrong"}, "Not authorized"),
        ({"username": "bob"}, "Not authorized"),
        ({"username": None, "password_file": None}, "Not authorized"),
        ({"ca": "other-ca.pem"}, "CERTIFICATE_VERIFY_FAILED"),
        ({"certificate": "", "key": ""}, "timed out"),
    ],
)
async def test_wrong_ones_are_refused_and_told_once(
    secured: Mosquitto,
    files: Path,
    changes: dict[str, Any],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def told() -> list[str]:
        return [one.getMessage() for one in caplog.records if one.name.endswith("mqtt.link")]

    broker = broker_at(secured.port, longest_wait=0.2, **settings(files, **changes))
    with caplog.at_level(logging.WARNING, "emulator.control.mqtt.link"):
        async with emulating(broker, "left") as emulator:
            await until(told)
            await asyncio.sleep(1.0)
            assert not emulator.bridge.connected.is_set()
            assert emulator.bridge.events.acknowledged == 0
    assert len(told()) == 1, told()
    assert reason in told()[0]
    assert "trying again" in told()[0]


@pytest.mark.parametrize("verify_host", [True, False])
async def test_the_broker_must_be_the_one_it_is_called(
    files: Path, tmp_path: Path, *, verify_host: bool
) -> None:
    with Mosquitto(
        tmp_path,
        f"certfile {files}/elsewhere.pem",
        f"keyfile {files}/elsewhere.key",
        "allow_anonymous true",
    ) as broker:
        tls = {"ca": files / "ca.pem", "verify_host": verify_host}
        async with emulating(broker_at(broker.port, tls=tls)) as emulator:
            await asyncio.sleep(0.7)
            assert emulator.bridge.connected.is_set() is not verify_host


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca": "missing.pem"}, "missing.pem: found No such file or directory"),
        ({"ca": "client.key"}, "expected a certificate of an authority, PEM"),
        ({"key": "server.key"}, "expected a client's certificate and its unencrypted key"),
        ({"password_file": "missing"}, "found No such file or directory; expected a file with"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    files: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ProfileError, match=words):
        Dialer(broker_at(1, **settings(files, **changes)))
