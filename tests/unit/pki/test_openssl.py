"""OpenSSL as an independent judge of what we issue."""

import shutil
import subprocess
from pathlib import Path

import pytest
from chains import QUICK, SAN, issued
from support import require_or_skip

from emulator import resources
from emulator.crypto.certificate import Certificate
from emulator.pki import files
from emulator.pki.authority import sample_authority
from emulator.pki.issue import IssuedChain, LeafOptions
from emulator.pki.schemes import SCHEMES

OPENSSL = shutil.which("openssl")


@pytest.fixture(autouse=True)
def openssl_is_there() -> None:
    require_or_skip(OPENSSL is not None, "apt install openssl")


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(OPENSSL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def verify(folder: Path, chain: IssuedChain) -> subprocess.CompletedProcess[str]:
    roots = files.write_file(folder / "roots.pem", files.to_pem(chain.certificates[:1]))
    between = files.write_file(folder / "between.pem", files.to_pem(chain.certificates[1:-1]))
    leaf = files.write_file(folder / "leaf.pem", files.to_pem([chain.leaf]))
    return openssl(
        *("verify", "-x509_strict", "-check_ss_sig", "-no-CApath", "-no-CAstore"),
        *("-CAfile", roots, "-untrusted", between, leaf),
    )


# In the alias model the device has a key of its own, which takes seconds to make for large RSA.
@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        *((scheme, LeafOptions()) for scheme in SCHEMES),
        *((scheme, LeafOptions(model="alias")) for scheme in QUICK),
    ],
)
def test_openssl_verifies_our_chains(tmp_path: Path, scheme: str, options: LeafOptions) -> None:
    done = verify(tmp_path, issued(scheme, options=options))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("leaf.pem: OK")


def test_openssl_sees_a_strange_signature(tmp_path: Path) -> None:
    chain, other = issued(), issued(secret=b"another")
    cut = len(chain.leaf) - 8
    forged = IssuedChain((*chain.certificates[:2], chain.leaf[:cut] + other.leaf[-8:]), chain.key)
    assert verify(tmp_path, forged).returncode != 0


def text(folder: Path, certificate: bytes) -> str:
    path = files.write_file(folder / "one.der", certificate)
    done = openssl("x509", "-inform", "DER", "-in", path, "-noout", "-text")
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("scheme", "algorithm"),
    [
        ("ECDSA_P256", "ecdsa-with-SHA256"),
        ("ECDSA_P384", "ecdsa-with-SHA384"),
        ("ECDSA_P521", "ecdsa-with-SHA512"),
        ("RSA_2048", "sha256WithRSAEncryption"),
        ("EDDSA_25519", "ED25519"),
        ("EDDSA_448", "ED448"),
    ],
)
def test_openssl_reads_what_was_meant(tmp_path: Path, scheme: str, algorithm: str) -> None:
    shown = text(tmp_path, issued(scheme).leaf)
    for part in (
        "Version: 3 (0x2)",
        f"Signature Algorithm: {algorithm}",
        "Not Before: Jan 1 00:00:00 2024 GMT",
        "Not After : Dec 31 23:59:59 9999 GMT",
        "X509v3 Basic Constraints: critical CA:FALSE",
        "X509v3 Key Usage: critical Digital Signature X509v3",
        "X509v3 Extended Key Usage: 1.3.6.1.4.1.412.274.3",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
        "1.3.6.1.4.1.412.274.6:",
    ):
        assert part in shown
    assert "critical" not in shown.split("X509v3 Extended Key Usage:")[1].split("Signature")[0]


def asn1(folder: Path, certificate: bytes) -> list[str]:
    path = files.write_file(folder / "one.der", certificate)
    done = openssl("asn1parse", "-inform", "DER", "-in", path)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_name_is_an_utf8_string_below_its_identifier(tmp_path: Path) -> None:
    names = text(tmp_path, issued().leaf).split("Subject Alternative Name:")[1]
    assert names.startswith(f" othername: 2.23.147::{SAN}") or "othername" in names
    leaf = Certificate.parse(issued().leaf)
    value = files.write_file(tmp_path / "value.der", leaf.other_names[0].value)
    done = openssl("asn1parse", "-inform", "DER", "-in", value)
    assert f"UTF8STRING        :{SAN}" in done.stdout


def test_the_spdm_extension_lists_the_hardware_identity(tmp_path: Path) -> None:
    parsed = asn1(tmp_path, issued().leaf)
    at = next(n for n, line in enumerate(parsed) if line.endswith(":1.3.6.1.4.1.412.274.6"))
    octets = parsed[at + 1]
    assert octets.endswith("[HEX DUMP]:300E300C060A2B06010401831C821202")


def test_the_sample_authority_is_a_pair_of_cas(tmp_path: Path) -> None:
    trust = resources.folder("certs") / "trust.pem"
    for name in SCHEMES:
        sample = sample_authority(name)
        below = resources.folder("certs") / name.lower()
        done = openssl("verify", "-x509_strict", "-CAfile", trust, below / "intermediate.cert.pem")
        assert done.returncode == 0, done.stderr
        for issuer in (sample.root, sample.intermediate):
            shown = text(tmp_path, issuer.certificate)
            assert "X509v3 Basic Constraints: critical CA:TRUE" in shown
            assert "X509v3 Key Usage: critical Certificate Sign, CRL Sign" in shown
        for role in ("root", "intermediate"):
            key = openssl("pkey", "-in", below / f"{role}.key.pem", "-check", "-noout")
            assert "Key is valid" in key.stdout + key.stderr
