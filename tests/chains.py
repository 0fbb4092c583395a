"""An authority and chains for tests, made in memory from a fixed seed."""

from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from emulator.crypto.keys import SigningKey
from emulator.entropy import Seeded
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE, Authority, sample_authority
from emulator.pki.issue import IssuedChain, LeafOptions, issue
from emulator.pki.schemes import SCHEMES

SAN = "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"
AT = datetime(2025, 6, 1, tzinfo=UTC)

QUICK = tuple(name for name in SCHEMES if name not in {"RSA_3072", "RSA_4096"})
"""The kinds of keys, of RSA only the smallest: where new keys are made and their size is not the
point, these do."""


@cache
def authority(scheme: str = "ECDSA_P256", seed: str = "tests") -> Authority:
    """An authority of tests alone; for RSA the sample one, as making its keys takes seconds."""
    if scheme.startswith("RSA"):
        return sample_authority(scheme)
    return Authority.make(scheme, Seeded(seed))


def issued(
    scheme: str = "ECDSA_P256",
    *,
    san: str | None = SAN,
    common_name: str = "a device",
    key: SigningKey | None = None,
    secret: bytes = b"a secret",
    not_before: datetime = NOT_BEFORE,
    not_after: datetime = NOT_AFTER,
    options: LeafOptions | None = None,
) -> IssuedChain:
    return issue(
        authority(scheme),
        san=san,
        common_name=common_name,
        key=key,
        secret=secret,
        not_before=not_before,
        not_after=not_after,
        options=options,
    )


def issued_by(issuer: Authority, *, options: LeafOptions) -> IssuedChain:
    return issue(
        issuer,
        san=SAN,
        common_name="a device",
        secret=b"a secret",
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        options=options,
    )


def foreign(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    *extensions: x509.ExtensionType,
    name: str = "another maker",
) -> bytes:
    """A self-signed certificate of another maker's shape."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(AT)
        .not_valid_after(AT)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    algorithm = hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)
