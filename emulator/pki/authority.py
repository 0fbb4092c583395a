"""An authority for tests: one root and one intermediate for a kind of keys.

`certs/` in the repository is the output of `spdm-emulator certs make` with `SAMPLE_SEED` and
`SAMPLE_NAME`; `sample_authority` reads it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from emulator import resources
from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import SigningKey
from emulator.entropy import Entropy
from emulator.errors import PkiError
from emulator.pki import build, files
from emulator.pki.build import Issuer
from emulator.pki.schemes import SCHEMES, Scheme, scheme

NOT_BEFORE = datetime(2024, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280 §4.1.2.5's date for a certificate without an end."""

SAMPLE_SEED = "spdm-emulator sample authority"
SAMPLE_NAME = "Sample"
TRUST = "trust.pem"
"""The file that has the roots of all kinds of keys."""

DEVICE_KEY = "device.key.pem"
"""The file with the key that devices share, among RSA keys."""

_SECRET_SIZE = 32
_CA_USAGE = ("keyCertSign", "cRLSign")


@dataclass(frozen=True)
class Authority:
    """The two issuers of one kind of keys; the intermediate signs device certificates.

    Attributes:
        scheme: the kind of keys, a name of `schemes.SCHEMES`.
        root: names itself.
        intermediate: signs device certificates.
        device_key: what all devices without a key of their own share, where deriving one takes
            too long (RSA).
    """

    scheme: str
    root: Issuer
    intermediate: Issuer
    device_key: SigningKey | None = None

    @classmethod
    def make(
        cls,
        scheme_name: str,
        entropy: Entropy,
        *,
        not_before: datetime = NOT_BEFORE,
        not_after: datetime = NOT_AFTER,
        name: str = SAMPLE_NAME,
    ) -> "Authority":
        """A new authority with keys drawn from `entropy`; `name` begins its common names."""
        row = scheme(scheme_name)
        secret = entropy.bytes(_SECRET_SIZE, label=f"authority {row.name}")
        root_key, key = (_derive(row, role, secret) for role in ("root", "intermediate"))
        device_key = _derive(row, "device", secret) if row.shared_device_key else None
        usage = build.key_usage(*_CA_USAGE)
        root = build.self_signed(
            build.name(f"{name} {row.name} root"),
            root_key,
            (build.constraints(ca=True), usage),
            not_before=not_before,
            not_after=not_after,
        )
        subject = build.name(f"{name} {row.name} intermediate")
        # Below the intermediate there may be one more CA: the device's own, in the alias model.
        limits = build.constraints(ca=True, path_length=1)
        certificate = build.certify(
            subject, key.public, root, (limits, usage), not_before=not_before, not_after=not_after
        )
        return cls(row.name, root, Issuer(certificate, key), device_key)

    @classmethod
    def load(cls, folder: Path, scheme_name: str, *, trusted: bool = False) -> "Authority":
        """Read the authority of `scheme_name` that `save` wrote to `folder`.

        A `trusted` one's keys are not tested (`SigningKey.from_pem`). Raises PkiError naming the
        file that is missing, unreadable or does not fit.
        """
        row = scheme(scheme_name)
        below = folder / row.folder
        root, intermediate = (
            _load_issuer(below, role, row, trusted=trusted) for role in ("root", "intermediate")
        )
        device_key = (
            _load_key(below / DEVICE_KEY, row, trusted=trusted) if row.shared_device_key else None
        )
        problem = Certificate.parse(intermediate.certificate).signature_problem(
            Certificate.parse(root.certificate)
        )
        if problem:
            path = below / "intermediate.cert.pem"
            raise PkiError(f"{path}: not issued by {below / 'root.cert.pem'}: {problem}")
        return cls(row.name, root, intermediate, device_key)

    def save(self, folder: Path) -> list[Path]:
        """Write certificates and unencrypted keys to `folder`/<scheme>; returns the files."""
        below = folder / scheme(self.scheme).folder
        written: list[Path] = []
        for role, issuer in (("root", self.root), ("intermediate", self.intermediate)):
            pem = files.to_pem([issuer.certificate])
            written.append(files.write_file(below / f"{role}.cert.pem", pem))
            written.append(files.write_file(below / f"{role}.key.pem", issuer.key.to_pem()))
        if self.device_key is not None:
            written.append(files.write_file(below / DEVICE_KEY, self.device_key.to_pem()))
        return written


def make_all(
    folder: Path,
    entropy: Entropy,
    *,
    name: str = SAMPLE_NAME,
    schemes: Collection[str] = tuple(SCHEMES),
) -> list[Path]:
    """Make and save an authority for each of `schemes`, and their roots in `trust.pem`."""
    made = [Authority.make(row, entropy, name=name) for row in schemes]
    written = [path for authority in made for path in authority.save(folder)]
    roots = files.to_pem(authority.root.certificate for authority in made)
    return [*written, files.write_file(folder / TRUST, roots)]


def sample_authority(scheme_name: str) -> Authority:
    """The authority of `scheme_name` that this package brings along. Its keys are public."""
    return _sample(scheme(scheme_name).name)


@cache
def _sample(kind: str) -> Authority:
    return Authority.load(resources.folder("certs"), kind, trusted=True)


@cache
def sample_roots() -> tuple[bytes, ...]:
    """The roots of the authority that this package brings along, DER: what to trust by default."""
    return files.read_certificates(resources.folder("certs") / TRUST)


def _derive(row: Scheme, role: str, secret: bytes) -> SigningKey:
    return SigningKey.derive(row.algorithm, role.encode() + b"\x00" + secret)


def _load_key(path: Path, row: Scheme, *, trusted: bool) -> SigningKey:
    try:
        key = SigningKey.from_pem(files.read_file(path), trusted=trusted)
    except PkiError as error:
        text = str(error)
        raise PkiError(text if str(path) in text else f"{path}: {text}") from error
    if key.public.key_type != row.name:
        raise PkiError(f"{path}: an {key.public.key_type} key where {row.name} is needed")
    return key


def _load_issuer(folder: Path, role: str, row: Scheme, *, trusted: bool) -> Issuer:
    path = folder / f"{role}.cert.pem"
    certificates = files.read_certificates(path)
    if len(certificates) != 1:
        raise PkiError(f"{path}: {len(certificates)} certificates where one is needed")
    key_path = folder / f"{role}.key.pem"
    key = _load_key(key_path, row, trusted=trusted)
    try:
        certificate = Certificate.parse(certificates[0])
    except PkiError as error:
        raise PkiError(f"{path}: {error}") from error
    if certificate.key is None or certificate.key.spki != key.public.spki:
        raise PkiError(f"{path}: certifies another key than {key_path}")
    return Issuer(certificates[0], key)
