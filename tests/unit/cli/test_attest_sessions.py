"""`attest --session`, `--psk` and `--keylog`, as a user runs them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chains import authority
from keying import ide
from secured import ABLE, AEADS, GROUPS, HINT, KEY, able_device
from tdisp import linked_device
from typer.testing import CliRunner, Result
from unit.cli.test_attest_command import listening

from emulator.cli.main import app
from emulator.device.sessions import Sessions
from emulator.pki.files import to_pem
from emulator.spdm.capabilities import Cap
from emulator.spdm.keylog import read_keylog

SHARED = f"{HINT.decode()}={KEY.hex()}"


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    held = able_device(sessions=Sessions(heartbeat=10, keys={HINT: KEY, b"\0=\xff": b"k"}))
    with listening(held) as address:
        yield address


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roots") / "roots.pem"
    path.write_bytes(to_pem([authority(s).root.certificate for s in ("ECDSA_P256", "ECDSA_P384")]))
    return path


def attest(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["attest", *map(str, arguments)])


def steps(done: Result) -> dict[str, dict[str, object]]:
    return {step["name"]: step for step in json.loads(done.stdout)["steps"]}


@pytest.mark.parametrize("transport", ["doe", "mctp", "tcp", "tcp-plain"])
def test_a_session_and_a_pre_shared_key(target: str, roots: Path, transport: str) -> None:
    arguments = ("--trust", roots, "--transport", transport, "--session", "--psk", SHARED)
    done = attest(target, *arguments)
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "ok session " in said
    assert "ok psk session " in said
    assert "-> HEARTBEAT 4 B in session " in said
    assert "ok session comparison measured as outside of the session" in said


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("aead", AEADS)
def test_what_is_offered_is_what_is_used(target: str, roots: Path, group: str, aead: str) -> None:
    chosen = ("--dhe", group, "--aead", aead, "--clear-handshake")
    done = attest(target, "--trust", roots, "--json", "--session", *chosen)
    assert done.exit_code == 0, done.output
    found = steps(done)["session"]["evidence"]
    assert isinstance(found, dict)
    assert (found["dhe"], found["aead"], found["handshake"]) == (group, aead, "clear")


def test_without_them_no_session_is_offered(target: str, roots: Path) -> None:
    done = attest(target, "--trust", roots, "--json")
    found = steps(done)
    assert not any("session" in name for name in found)
    evidence = found["algorithms"]["evidence"]
    assert isinstance(evidence, dict)
    assert "aead" not in evidence


def test_bytes_in_a_hint(target: str, roots: Path) -> None:
    done = attest(target, "--trust", roots, "--psk", r"\0=\xC3\xbf=6b")
    assert done.exit_code == 1  # a device's hint of another encoding
    held = able_device(sessions=Sessions(heartbeat=10, keys={b"\0=\xff": b"k"}))
    with listening(held) as address:
        done = attest(address, "--trust", roots, "--psk", r"\0=\xff=6b")
    assert done.exit_code == 0, done.output


def test_a_device_without_sessions_fails(roots: Path) -> None:
    held = able_device(capabilities=ABLE & ~(Cap.KEY_EX | Cap.HANDSHAKE_IN_THE_CLEAR))
    with listening(held) as address:
        done = attest(address, "--trust", roots, "--session")
    assert done.exit_code == 1
    said = " ".join(done.stdout.split())
    assert "FAIL session the device does not offer KEY_EX" in said


def test_the_secrets_go_to_the_key_log_alone(target: str, roots: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    arguments = ("--trust", roots, "--session", "--keylog", path)
    runs = [attest(target, *arguments) for _ in range(2)]
    logged = read_keylog(str(path), path.read_text())
    assert len(logged) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    output = "".join(done.output for done in runs)
    for secrets in logged.values():
        assert len(secrets) == 5
        assert not any(secret.hex() in output for secret in secrets.values())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--psk", "hint"), "--psk hint where HINT=HEX is needed"),
        (("--psk", "hint=xy"), "--psk hint=xy where HINT=HEX is needed"),
        (("--psk", "hint="), "--psk hint= where HINT=HEX is needed"),
        (("--psk", "a=00", "--psk", "a=01"), "--psk a=01: this hint was given before"),
        (("--dhe", "SECP_384_R1"), "--dhe takes --session"),
        (("--aead", "AES_256_GCM"), "--aead takes --session or --psk"),
        (("--clear-handshake",), "--clear-handshake takes --session"),
        (("--keylog", "keys.log"), "--keylog takes --session or --psk"),
        (("--psk", "a=00", "--dhe", "SECP_384_R1"), "--dhe takes --session: a pre-shared key has"),
        (("--psk", "a=00", "--clear-handshake"), "--clear-handshake takes --session"),
        (("--session", "--dhe", "P384"), "algorithm 'P384' where one of FFDHE_2048"),
        (("--session", "--aead", "DES"), "algorithm 'DES' where one of AES_128_GCM"),
        (("--session", "--keylog", "/nowhere/keys"), "--keylog /nowhere/keys: No such file"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], told: str) -> None:
    done = attest(*arguments)
    assert done.exit_code == 2, done.output
    assert told in " ".join(done.stderr.split())


def test_an_ide_stream(roots: Path) -> None:
    held = able_device()
    held.ide = ide()
    with listening(held) as address:
        done = attest(address, "--trust", roots, "--session", "--psk", SHARED, "--ide")
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "IDE_KM KEY_PROG: port 0, stream 0, K0 RX PR, 40 bytes: a key, IFV 1" in said
    assert "ok session ide stream stream 0 is Secure at both ends" in said
    assert "ok psk session ide stop the device has forgotten the keys" in said


def test_an_interface_that_runs(roots: Path) -> None:
    with listening(linked_device()) as address:
        arguments = (address, "--trust", roots, "--session", "--tdisp")
        done = attest(*arguments, "--ide")
        refused = attest(*arguments)
        other = attest(*arguments, "--ide", "--tdisp-function", "7")
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "TDISP LOCK_INTERFACE: function 0xbeef, stream 0, NO_FW_UPDATE" in said
    assert "ok session tdisp report 4 ranges, 8 pages in all" in said
    assert "ok session tdisp start function 0xbeef is in RUN" in said
    assert "ok session tdisp stop function 0xbeef is CONFIG_UNLOCKED" in said
    assert refused.exit_code == other.exit_code == 1
    said = " ".join(refused.stdout.split())
    assert "FAIL session tdisp lock TDISP_ERROR INVALID_REQUEST (0x1)" in said
    assert "-- session tdisp start not reached" in said
    assert "TDISP_ERROR INVALID_INTERFACE (0x101)" in " ".join(other.stdout.split())


@pytest.mark.parametrize("function", ["beef", "-1", "0x2000000", ""])
def test_a_function_that_is_none(target: str, function: str) -> None:
    done = attest(target, "--session", "--tdisp", f"--tdisp-function={function}")
    assert done.exit_code == 2
    assert "where 0 to 0x1ffffff is right" in " ".join(done.stderr.split())


def test_tdisp_needs_a_session(target: str) -> None:
    done = attest(target, "--tdisp")
    assert done.exit_code == 2
    assert "--tdisp takes --session or --psk, which open one" in " ".join(done.stderr.split())


def test_ide_needs_a_session(target: str) -> None:
    done = attest(target, "--ide")
    assert done.exit_code == 2
    assert "--ide takes --session or --psk, which open one" in " ".join(done.stderr.split())


def test_a_link_needs_a_stream(target: str) -> None:
    done = attest(target, "--session", "--link", "127.0.0.1:1")
    assert done.exit_code == 2
    assert "--link takes --ide, which brings up the stream" in " ".join(done.stderr.split())
    done = attest(target, "--session", "--ide", "--link", "here")
    assert done.exit_code == 2
    assert "'here' where HOST:PORT is needed" in " ".join(done.stderr.split())


def test_a_link_that_is_not_there(target: str, tmp_path: Path) -> None:
    done = attest(target, "--session", "--ide", "--link", f"unix:{tmp_path}/link")
    assert done.exit_code == 1
    assert f"cannot connect to unix:{tmp_path}/link" in done.stderr.replace("\n", "")
