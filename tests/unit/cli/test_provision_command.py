"""`spdm-emulator provision` and `certs sign`, against a device of this process."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from devices import IDENTITY, chain
from provisioned import SCHEME, SEVERAL, provisionable
from typer.testing import CliRunner, Result
from unit.cli.test_attest_command import listening

from emulator.cli.main import app
from emulator.crypto.certificate import Certificate
from emulator.device import Device, Sizes
from emulator.device.provisioning import Policy
from emulator.device.sessions import Sessions
from emulator.pki import files
from emulator.pki.authority import sample_authority
from emulator.spdm.algorithms import AEADS, DHE_GROUPS, KEY_SCHEDULES, by_name
from emulator.spdm.capabilities import Cap

SESSION = Cap.KEY_EX | Cap.MAC | Cap.ENCRYPT


def sessioned() -> Device:
    """A device that can be provisioned inside of sessions, too."""
    made = provisionable(Policy(writable=frozenset({0, 2})), capabilities=SEVERAL | SESSION)
    made.sessions = Sessions()
    made.preferences = replace(
        made.preferences,
        dhe=(by_name(DHE_GROUPS, "SECP_256_R1"),),
        aead=(by_name(AEADS, "AES_128_GCM"),),
        key_schedule=KEY_SCHEDULES,
    )
    made.sizes = Sizes()
    return made


@pytest.fixture
def device() -> Device:
    return sessioned()


@pytest.fixture
def target(device: Device) -> Iterator[str]:
    with listening(device) as address:
        yield address


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_a_request_is_granted_and_the_chain_installed(
    target: str, device: Device, tmp_path: Path
) -> None:
    request, granted = tmp_path / "device.csr", tmp_path / "chain.pem"
    done = command("provision", "csr", target, "--out", request)
    assert (done.exit_code, done.output) == (0, f"wrote {request}\n"), done.output
    done = command("certs", "sign", request, "--out", granted)
    assert done.exit_code == 0, done.output
    certificates = files.read_certificates(granted)
    assert certificates[0] == sample_authority(SCHEME).root.certificate
    leaf = Certificate.parse(certificates[-1])
    assert [name.text for name in leaf.other_names] == [IDENTITY.san]
    done = command("provision", "install", granted, target)
    assert (done.exit_code, done.output) == (0, "slot 0: 3 certificates installed\n")
    assert device.slots[0].chains[SCHEME].certificates == certificates


def test_slots_above_0_are_written_inside_of_a_session(
    target: str, device: Device, tmp_path: Path
) -> None:
    request, granted = tmp_path / "device.csr", tmp_path / "chain.pem"
    several = ("--key-pair", "2", "--session")
    assert command("provision", "csr", target, "--out", request, *several).exit_code == 0
    assert command("certs", "sign", request, "--out", granted).exit_code == 0
    done = command("provision", "install", granted, target, "--slot", "2", "--key-pair", "2")
    assert done.exit_code == 1
    assert "UNEXPECTED_REQUEST" in done.output
    done = command("provision", "install", granted, target, "--slot", "2", *several)
    assert done.exit_code == 0, done.output
    assert device.slots[2].chains[SCHEME].certificates == files.read_certificates(granted)
    done = command("provision", "erase", target, "--slot", "2", "--session")
    assert (done.exit_code, done.output) == (0, "slot 2: empty\n")
    assert set(device.slots) == {0}


def test_key_pairs_are_listed(target: str) -> None:
    done = command("provision", "key-pairs", target)
    uses = "for KEY_EX, CHALLENGE, MEASUREMENT, ENDPOINT_INFO"
    assert done.output.replace("\n" + "MEAS", " MEAS").splitlines() == [
        f"1: {SCHEME}, slots 0; {uses}",
        f"2: {SCHEME}, slots 2; {uses}",
        "3: no key, no slot; for nothing",
    ]
    told = json.loads(command("provision", "key-pairs", target, "--json").output)
    assert [one["slots"] for one in told] == [[0], [2], []]
    assert told[2]["key_type"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--version", "2.0"), "--version: found 2.0; expected one of 1.0"),
        (("--transport", "x"), "--transport: found x; expected one of"),
        (("--model", "x"), "--model: found x; expected one of device, alias, generic"),
        (("--requester-info", "none"), "none: cannot be read"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = command("provision", "csr", "127.0.0.1:1", "--out", tmp_path / "x", *arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_a_chain_that_cannot_be_read(tmp_path: Path) -> None:
    done = command("provision", "install", tmp_path / "none.pem", "127.0.0.1:1")
    assert done.exit_code == 2
    assert "none.pem: cannot be read" in done.output


def _request(*, ca: bool) -> bytes:
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return made.sign(chain(SCHEME).key.pyca, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"nothing", "no certificate signing request, PEM or DER"),
        (_request(ca=True), "the request asks for a CA's certificate"),
        (_request(ca=False)[:-1] + b"\0", "is not signed by the key that it is for"),
    ],
    ids=["nothing", "a CA", "another's"],
)
def test_what_is_not_granted(tmp_path: Path, data: bytes, told: str) -> None:
    file = tmp_path / "device.csr"
    file.write_bytes(data)
    done = command("certs", "sign", file, "--out", tmp_path / "chain.pem")
    assert done.exit_code == 2
    assert told in done.output.replace("\n", " ")
