"""DMTF's spdm_requester_emu authenticates itself to our device: see test_reference_requester.py.

Every form of mutual authentication, each requester's slot, and the signature algorithms that a
requester may have; its output is read, as its exit status does not tell of everything.
"""

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.serving import COMMAND, serving

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")
HINT = "set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)"
VERSIONS = ("1.1", "1.2", "1.3", "1.4")
TRANSPORTS = ("PCI_DOE", "MCTP", "TCP")
FORMS = ("none", "without-encapsulation", "encapsulated", "digests")
SLOTS = tuple(range(8))
ASYM = {
    "ECDSA_P256": "1.1", "ECDSA_P384": "1.1", "ECDSA_P521": "1.1",
    "RSASSA_2048": "1.1", "RSASSA_3072": "1.1", "RSASSA_4096": "1.1",
    "RSAPSS_2048": "1.1", "RSAPSS_3072": "1.1", "RSAPSS_4096": "1.1",
    "EDDSA_25519": "1.2", "EDDSA_448": "1.2",
}  # fmt: skip
BASIC = "CERT,CHAL,MAC,MUT_AUTH,KEY_EX,ENCAP,HBEAT,KEY_UPD"
ENDS = {
    "encrypted handshake": ("--cap", f"{BASIC},ENCRYPT"),
    "handshake in the clear": ("--cap", f"{BASIC},ENCRYPT,HANDSHAKE_IN_CLEAR"),
    "authenticated only": ("--cap", BASIC),
}
DELIVERED = {
    ("none", False): 0, ("none", True): 3,
    ("without-encapsulation", True): 3,
    ("encapsulated", False): 2, ("encapsulated", True): 5,
    ("digests", False): 2, ("digests", True): 5,
}  # fmt: skip
"""How many answers the requester delivers, with a challenge and without: DIGESTS, CERTIFICATE and
CHALLENGE_AUTH."""


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", folder], check=True)
    return folder


@pytest.fixture(scope="module", params=itertools.product(FORMS, SLOTS), ids=lambda one: f"{one}")
def asking(request: pytest.FixtureRequest) -> Iterator[tuple[int, str, int]]:
    form, slot = request.param
    with serving("mutual-auth", options=settings(form, slot)) as (port,):
        yield port, form, slot


def settings(form: str, slot: int = 0, *, challenge: bool = True) -> tuple[str, ...]:
    """The options of a device that asks for it in this form."""
    told = {"key_exchange": form, "slot": slot, "challenge": str(challenge).lower()}
    return tuple(
        word for name, value in told.items()
        for word in ("--set", f"mutual_authentication.{name}={value}")
    )  # fmt: skip


def ask(port: int, folder: Path, *options: str) -> tuple[int, str]:
    """Exit status and output of a requester that challenges and opens a session."""
    done = subprocess.run(
        [
            REQUESTER, "--port", str(port), "--pqc_asym", "NONE", "--meas_op", "ALL",
            "--exe_conn", "DIGEST,CERT,CHAL,MEAS", "--exe_session", "KEY_EX,MEAS",
            "--slot_count", "8", *options,
        ],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert "usage" not in output.lower(), output
    return done.returncode, output


def passes(port: int, folder: Path, *options: str, delivered: int | None = None) -> None:
    status, output = ask(port, folder, *options)
    assert status == 0, output
    assert "ERROR:" not in output, output
    assert "Client stopped" in output, output
    sent = re.findall(r"spdm_request\[[0-9a-f]+\] msg SPDM_([A-Z_]+)", output)
    if sent:  # a debug build
        assert "FINISH" in sent
        if delivered is not None:
            assert sent.count("DELIVER_ENCAPSULATED_RESPONSE") == delivered, sent


@pytest.mark.parametrize("asym", ASYM)
def test_every_form_slot_and_algorithm(asking: tuple[int, str, int], keys: Path, asym: str) -> None:
    port, form, slot = asking
    options = ("--req_asym", asym, "--req_slot_id", str(slot))
    delivered = DELIVERED[form, True]
    passes(port, keys, "--trans", "PCI_DOE", "--ver", "1.4", *options, delivered=delivered)


@pytest.mark.parametrize("form", FORMS[2:])
def test_every_version_transport_and_handshake(keys: Path, form: str) -> None:
    with serving("mutual-auth", options=settings(form, 3, challenge=False)) as (port,):
        for transport, version, end in itertools.product(TRANSPORTS, VERSIONS, ENDS.values()):
            options = ("--trans", transport, "--ver", version, "--req_asym", "ECDSA_P384", *end)
            passes(port, keys, *options, delivered=DELIVERED[form, False])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_algorithm_of_a_version(keys: Path, version: str) -> None:
    with serving("mutual-auth") as (port,):
        for asym, since in ASYM.items():
            if since <= version:
                passes(port, keys, "--trans", "MCTP", "--ver", version, "--req_asym", asym)


@pytest.mark.parametrize(("asym", "folder"), [("ECDSA_P384", "ecp384"), ("RSAPSS_3072", "rsa3072")])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_key_that_was_provisioned(keys: Path, version: str, asym: str, folder: str) -> None:
    public = keys / folder / "end_requester.key.pub.der"
    options = (*settings("encapsulated"), "--set", f"mutual_authentication.public_keys=[{public}]")
    with serving("mutual-auth", options=options) as (port,):
        flags = BASIC.replace("CERT,", "PUB_KEY_ID,") + ",ENCRYPT"
        cap = ("--cap", flags, "--req_slot_id", "0xFF", "--req_asym", asym)
        passes(port, keys, "--trans", "PCI_DOE", "--ver", version, *cap, delivered=1)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_chain_that_was_provisioned(keys: Path, version: str) -> None:
    """DMTF's file is the chain as SPDM carries it, so the certificates are taken one by one."""
    below = keys / "ecp384"
    files = [below / f"{name}.cert.der" for name in ("ca", "inter", "end_requester")]
    known = f"[{{certificates: [{', '.join(map(str, files))}]}}]"
    options = (*settings("without-encapsulation", 2, challenge=False),)
    options = (*options, "--set", f"mutual_authentication.chains={known}")
    with serving("mutual-auth", options=options) as (port,):
        asym = ("--req_asym", "ECDSA_P384", "--req_slot_id", "2")
        passes(port, keys, "--trans", "PCI_DOE", "--ver", version, *asym, delivered=0)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of another authority, of the same kind."""
    folder = tmp_path_factory.mktemp("foreign")
    made = (
        COMMAND,
        "certs",
        "make",
        "--dir",
        folder,
        "--name",
        "Foreign",
        "--scheme",
        "ECDSA_P384",
    )
    subprocess.run(made, check=True)
    return folder / "ecdsa_p384" / "root.cert.pem"


@pytest.mark.parametrize("form", FORMS[2:])
@pytest.mark.parametrize("challenge", [False, True])
def test_a_foreign_root_is_refused(
    keys: Path, foreign: Path, form: str, *, challenge: bool
) -> None:
    options = (
        *settings(form, challenge=challenge),
        *("--set", f"mutual_authentication.anchors=[{foreign}]"),
    )
    asked = ("--trans", "PCI_DOE", "--ver", "1.3", "--req_asym", "ECDSA_P384")
    with serving("mutual-auth", options=options) as (port,):
        status, output = ask(port, keys, *asked)
        assert status != 0
        failed = "do_authentication_via_spdm" if challenge else "do_session_via_spdm"
        assert f"ERROR: {failed} - " in output
    lenient = ("--set", "mutual_authentication.failure=warn")
    with serving("mutual-auth", options=(*options, *lenient)) as (port,):
        passes(port, keys, *asked)
