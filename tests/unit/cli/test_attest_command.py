"""`spdm-emulator attest`, against a device of this process and against nobody."""

import asyncio
import errno
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest
from chains import SAN, authority
from devices import CAPABILITIES, device
from typer.testing import CliRunner, Result

from emulator.cli.attest import Transport
from emulator.cli.main import app
from emulator.client.socket import TRANSPORTS
from emulator.crypto.keys import SigningKey, VerifyingKey
from emulator.device import Device, Sizes
from emulator.pki.authority import sample_roots
from emulator.pki.files import to_pem
from emulator.requester.verdict import SCHEMA
from emulator.serve import Listener
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import Version


@contextmanager
def listening(to: Device) -> Iterator[str]:
    """A device on a port, in a loop and a thread of its own; yields its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listener = Listener(to)
    try:
        host, port = asyncio.run_coroutine_threadsafe(listener.start("127.0.0.1", 0), loop).result(
            10
        )
        yield f"{host}:{port}"
        asyncio.run_coroutine_threadsafe(listener.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with listening(device()) as address:
        yield address


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The roots that the devices of the tests are issued by."""
    path = tmp_path_factory.mktemp("roots") / "roots.pem"
    path.write_bytes(to_pem([authority(s).root.certificate for s in ("ECDSA_P256", "ECDSA_P384")]))
    return path


def attest(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["attest", *map(str, arguments)])


def test_a_good_device(target: str, roots: Path) -> None:
    done = attest(target, "--trust", roots, "--san", SAN, "--seed", "1")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("-> GET_VERSION")
    assert done.stdout.splitlines()[-1].startswith("ok   VERDICT")
    assert "(missing)" not in done.stdout
    assert done.stderr == "seed 1 (repeat with --seed)\n"


def test_a_small_requester_asks_in_chunks_for_all_algorithms(roots: Path) -> None:
    held = device(
        versions=(Version.V1_3,),
        capabilities=CAPABILITIES | Cap.CHUNK,
        sizes=Sizes(data_transfer=4600, max_message=8000),
    )
    with listening(held) as address:
        small = ("--chunk", "--data-transfer-size", "64", "--trust", roots)
        done = attest(address, *small, "--supported-algorithms")
        assert done.exit_code == 0, done.output
        told = " ".join(done.stdout.split())
        assert "which algorithms are there?" in told
        assert "able to do ECDSA_P256, ECDSA_P384, SHA_256, SHA_384" in told
        steps = json.loads(attest(address, *small, "--json").stdout)["steps"]
        assert "supported_algorithms" not in steps[1]["evidence"]


def test_all_algorithms_are_asked_for_in_chunks_only() -> None:
    done = attest("--supported-algorithms")
    assert done.exit_code == 2
    assert "--supported-algorithms takes --chunk" in done.stderr


def test_json_is_one_document(target: str, roots: Path) -> None:
    done = attest(target, "--trust", roots, "--json")
    assert done.exit_code == 0, done.output
    verdict = json.loads(done.stdout)
    jsonschema.validate(verdict, dict(SCHEMA))
    assert verdict["ok"] is True
    assert done.stderr == ""


def test_the_same_seed_sends_the_same_nonces(target: str, roots: Path) -> None:
    runs = [attest(target, "--trust", roots, "--seed", "7", "-v").stdout for _ in range(2)]
    nonces = [[line for line in run.splitlines() if "  nonce" in line] for run in runs]
    # The device draws its own anew; ours come first of each pair.
    assert nonces[0][0] == nonces[1][0]
    assert len(nonces[0]) > 3


def test_what_is_offered_is_what_is_used(target: str, roots: Path) -> None:
    arguments = ("--version", "1.2", "--asym", "ECDSA_P256", "--hash", "SHA_256", "--slot", "2")
    done = attest(target, "--trust", roots, "--json", *arguments)
    steps = {step["name"]: step for step in json.loads(done.stdout)["steps"]}
    assert done.exit_code == 0
    assert steps["version"]["evidence"]["selected"] == "1.2"
    assert steps["algorithms"]["evidence"]["asym"] == "ECDSA_P256"
    assert steps["algorithms"]["evidence"]["hash"] == "SHA_256"
    assert steps["certificate chain"]["evidence"]["slot"] == 2


@pytest.mark.parametrize("how", ["one-by-one", "none"])
def test_how_measurements_are_read(target: str, roots: Path, how: str) -> None:
    done = attest(target, "--trust", roots, "--measurements", how)
    assert done.exit_code == 0
    assert ("index 254" in done.stdout) == (how == "one-by-one")


def test_raw_measurements(target: str, roots: Path) -> None:
    done = attest(target, "--trust", roots, "--raw")
    assert 'immutable-rom           raw      13 B  "immutable rom"' in done.stdout


def test_roots_of_several_files(target: str, roots: Path, tmp_path: Path) -> None:
    sample = tmp_path / "sample.der"
    sample.write_bytes(sample_roots()[0])
    assert attest(target, "--trust", sample, "--trust", roots).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "chain: anchor"),
        (("--san", "Vendor=dead"), "chain: leaf name"),
    ],
)
def test_a_device_that_is_not_what_it_should_be(
    target: str, roots: Path, arguments: tuple[str, ...], reason: str
) -> None:
    trust = ("--trust", roots) if arguments else ()
    done = attest(target, *trust, *arguments)
    assert done.exit_code == 1
    assert f"FAIL {reason}" in done.stdout
    assert "FAIL VERDICT" in done.stdout


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = attest(f"127.0.0.1:{port}", "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert f"cannot connect to 127.0.0.1:{port}" in done.stderr
    assert "spdm-emulator serve" in done.stderr


def test_a_device_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        done = attest(f"127.0.0.1:{port}", "--timeout", "0.1")
    assert done.exit_code == 1
    assert "FAIL version" in done.stdout
    assert "no reply within 0.1 s" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("nowhere",), "'nowhere' where HOST:PORT is needed"),
        (("host:0",), "HOST:PORT"),
        (("host:65536",), "HOST:PORT"),
        ((":2323",), "HOST:PORT"),
        (("unix:",), "HOST:PORT"),
        (("pci:4",), "'4' where a PCI address such as 0000:00:04.0 is needed"),
        (("pci:00:04.0", "--transport", "mctp"), "--transport mctp where a PCI function takes doe"),
        (("mctp:7",), "'7' where an MCTP endpoint from 8 to 254 is needed, such as 9, or 1,9"),
        (("mctp:9", "--transport", "doe"), "--transport doe where an MCTP endpoint takes mctp"),
        (("--transport", "scsi"), "'--transport'"),
        (("--version", "1.5"), "--version 1.5 where one of 1.0, 1.1, 1.2, 1.3, 1.4 is needed"),
        (("--asym", "RSA"), "'RSA' where one of RSASSA_2048, RSAPSS_2048,"),
        (("--hash", "MD5"), "'MD5' where one of SHA_256, SHA_384, SHA_512,"),
        (("--trust", "nowhere.pem"), "nowhere.pem: cannot be read"),
        (("--slot", "8"), "'--slot'"),
        (("--measurements", "some"), "some"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], reason: str) -> None:
    done = attest(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert reason in " ".join(done.stderr.split())


def test_trust_that_is_no_certificate(tmp_path: Path) -> None:
    junk = tmp_path / "junk.der"
    junk.write_bytes(bytes.fromhex("3003020101"))
    done = attest("--trust", junk)
    assert done.exit_code == 2
    assert "junk.der" in done.stderr
    assert "not a readable certificate" in " ".join(done.stderr.split())


def test_an_ipv6_address_stands_in_brackets() -> None:
    done = attest("[::1]:1", "--json")
    assert done.exit_code == 1
    assert "cannot connect to ::1:1" in done.stderr


def test_a_pci_function_that_is_not_there() -> None:
    done = attest("pci:fffe:ff:1f.7")
    assert done.exit_code == 1
    told = " ".join(done.stderr.split())
    assert "cannot open /sys/bus/pci/devices/fffe:ff:1f.7/config: No such file" in told


@pytest.mark.parametrize("options", [(), ("--transport", "mctp")])
def test_a_kernel_without_mctp_is_told(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("emulator.client.mctp.OpenSocket", refuse)
    done = attest("mctp:1,9", *options)
    assert done.exit_code == 2
    told = " ".join(done.stderr.split())
    assert "this kernel has no MCTP sockets (AF_MCTP); Linux has them since 5.15" in told
    assert "`attest HOST:PORT --transport mctp`" in told


def test_the_transports_are_the_clients() -> None:
    assert tuple(transport.value for transport in Transport) == TRANSPORTS


@pytest.fixture(scope="module")
def keyed() -> Iterator[tuple[str, VerifyingKey]]:
    """A device known by its public key, and the key."""
    key = SigningKey.derive("ECDSA_P384", b"a public key")
    known = device(slots={}, capabilities=Cap.CHAL | Cap.MEAS_SIG | Cap.PUB_KEY_ID)
    known.public_keys = {"ECDSA_P384": key}
    with listening(known) as address:
        yield address, key.public


@pytest.mark.parametrize("form", ["pem", "der"])
def test_a_device_is_known_by_its_public_key(
    keyed: tuple[str, VerifyingKey], tmp_path: Path, form: str
) -> None:
    address, key = keyed
    path = tmp_path / "key"
    path.write_bytes(key.to_pem() if form == "pem" else key.spki)
    done = attest(address, "--public-key", path)
    assert done.exit_code == 0, done.output
    assert "ok   public key" in done.stdout
    assert "provisioned key: sign this nonce" in done.stdout
    assert "all, signed by provisioned key" in done.stdout


def test_a_public_key_that_cannot_be_used(target: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"no key")
    done = attest(target, "--public-key", path)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"--public-key {path}: no public key, PEM or DER")
    missing = attest(target, "--public-key", tmp_path / "missing")
    assert missing.exit_code == 2
    assert missing.stderr.startswith(f"--public-key {tmp_path / 'missing'}: ")


@pytest.mark.parametrize("option", [("--slot", "1"), ("--san", "x")])
def test_a_public_key_has_no_certificates(
    keyed: tuple[str, VerifyingKey], tmp_path: Path, option: tuple[str, str]
) -> None:
    path = tmp_path / "key"
    path.write_bytes(keyed[1].spki)
    done = attest(keyed[0], "--public-key", path, *option)
    assert done.exit_code == 2
    assert done.stderr == "--public-key where --slot or --san asks for certificates\n"
