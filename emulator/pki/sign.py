"""Certificates for keys that an authority never sees: from certificate signing requests."""

from datetime import datetime

from cryptography import x509

from emulator.crypto.keys import VerifyingKey
from emulator.errors import PkiError
from emulator.pki import build
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE, Authority

_PEM_MARK = b"-----BEGIN CERTIFICATE REQUEST-----"


def read_request(data: bytes) -> x509.CertificateSigningRequest:
    """The request in PEM or DER, its signature checked. Raises PkiError."""
    try:
        request = (
            x509.load_pem_x509_csr(data) if _PEM_MARK in data else x509.load_der_x509_csr(data)
        )
        valid = request.is_signature_valid
    except (ValueError, TypeError) as error:
        raise PkiError(f"no certificate signing request, PEM or DER: {error}") from error
    if not valid:
        raise PkiError("the request is not signed by the key that it is for")
    return request


def key_type(data: bytes) -> str:
    """The kind of the key that a request is for. Raises PkiError."""
    return VerifyingKey(read_request(data).public_key()).key_type


def sign_request(
    authority: Authority,
    data: bytes,
    *,
    not_before: datetime = NOT_BEFORE,
    not_after: datetime = NOT_AFTER,
) -> tuple[bytes, ...]:
    """The chain, DER from the root to the leaf, in which `authority` grants what is asked for.

    Subject and extensions are those of the request. Raises PkiError where that is no request, or
    asks for a certificate that could sign others.
    """
    request = read_request(data)
    extensions = [(one.value, one.critical) for one in request.extensions]
    for kind, _ in extensions:
        if isinstance(kind, x509.BasicConstraints) and kind.ca:
            raise PkiError("the request asks for a CA's certificate; a leaf's is granted")
    leaf = build.certify(
        request.subject,
        VerifyingKey(request.public_key()),
        authority.intermediate,
        extensions,
        not_before=not_before,
        not_after=not_after,
    )
    return authority.root.certificate, authority.intermediate.certificate, leaf
