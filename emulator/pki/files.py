"""Certificates in files: PEM bundles and DER."""

from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from emulator.crypto.x509 import split_chain
from emulator.errors import PkiError

_PEM_MARK = b"-----BEGIN CERTIFICATE-----"


def read_certificates(path: Path) -> tuple[bytes, ...]:
    """The certificates (DER) of a PEM bundle or of concatenated DER. Raises PkiError naming it."""
    data = read_file(path)
    try:
        if _PEM_MARK in data:
            return tuple(map(_der, x509.load_pem_x509_certificates(data)))
        return split_chain(data)
    except (ValueError, PkiError) as error:
        raise PkiError(f"{path}: neither PEM nor DER certificates: {error}") from error


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises PkiError naming it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PkiError(f"{path}: cannot be read: {error.strerror}") from error


def write_file(path: Path, data: bytes) -> Path:
    """Write `data`, making the folders above it. Raises PkiError naming the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise PkiError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def to_pem(certificates: Iterable[bytes]) -> bytes:
    """DER certificates as one PEM bundle."""
    return b"".join(
        x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
        for der in certificates
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
