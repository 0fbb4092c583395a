"""Signing and verifying keys, by the signature schemes of the algorithm table.

A key may serve several schemes: an RSA key serves RSASSA and RSAPSS. `scheme` is the one it is
used under, `under` the same key under another.
"""

from functools import cached_property

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emulator.crypto import der, ecdsa, eddsa
from emulator.crypto import rsa as rsa_schemes
from emulator.crypto.scheme import PrivateKey, PublicKey, Scheme, Signable, Verify
from emulator.errors import PkiError

SCHEMES: dict[str, Scheme] = {
    row.name: row for row in (*ecdsa.SCHEMES, *rsa_schemes.SCHEMES, *eddsa.SCHEMES)
}
"""The signature algorithms that can be computed."""

KEY_TYPES = tuple(dict.fromkeys(row.key_type for row in SCHEMES.values()))
"""The kinds of keys they need."""


_PEM_BEGIN = b"-----BEGIN "


def scheme_of_type(key_type: str) -> str:
    """The first scheme of a kind of keys. Raises KeyError."""
    for row in SCHEMES.values():
        if row.key_type == key_type:
            return row.name
    raise KeyError(key_type)


def is_quick(key_type: str) -> bool:
    """Whether a key of this kind can be made while others wait: one of RSA takes up to seconds."""
    return not key_type.startswith("RSA")


class VerifyingKey:
    """A public key that checks SPDM signatures."""

    def __init__(self, key: object, scheme: str = "") -> None:
        """Raises PkiError for a key that no scheme fits, or not this one.

        Without `scheme` the key is used under the first that fits.
        """
        fitting = tuple(name for name, row in SCHEMES.items() if row.fits(key))
        if not fitting or not isinstance(key, PublicKey):
            raise PkiError(f"{_told(key)} where one of {', '.join(KEY_TYPES)} is needed")
        if scheme and scheme not in fitting:
            raise PkiError(f"{_told(key)} where one for {scheme} is needed")
        self._key: PublicKey = key
        self.schemes = fitting
        self.scheme = scheme or fitting[0]

    @property
    def pyca(self) -> PublicKey:
        """The key as `cryptography` knows it, for `pki` only."""
        return self._key

    @property
    def key_type(self) -> str:
        """The kind of key, one of `KEY_TYPES`."""
        return SCHEMES[self.scheme].key_type

    @cached_property
    def spki(self) -> bytes:
        """The DER SubjectPublicKeyInfo."""
        return self._key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @cached_property
    def algorithm_identifier(self) -> bytes:
        """The DER AlgorithmIdentifier in it: PublicKeyInfo of KEY_PAIR_INFO."""
        found = der.read(der.read(self.spki).content)
        return der.encode(found.tag, found.content)

    @classmethod
    def read(cls, data: bytes) -> "tuple[VerifyingKey, ...]":
        """All public keys in `data`: PEM, or one DER SubjectPublicKeyInfo. Raises PkiError."""
        try:
            if _PEM_BEGIN not in data:
                return (cls(serialization.load_der_public_key(data)),)
            blocks = data.split(_PEM_BEGIN)[1:]
            return tuple(
                cls(serialization.load_pem_public_key(_PEM_BEGIN + block)) for block in blocks
            )
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise PkiError(f"no public key, PEM or DER: {error}") from error

    def to_pem(self) -> bytes:
        """The SubjectPublicKeyInfo as PEM."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def under(self, scheme: str) -> "VerifyingKey":
        """This key under `scheme`, one of `schemes`."""
        return self if scheme == self.scheme else VerifyingKey(self._key, scheme)

    def verify(self, signature: bytes, signed: Signable) -> bool:
        """Whether `signature`, as on the wire, is this key's over `signed`."""
        return self._verify(signature, signed)

    @cached_property
    def _verify(self) -> Verify:
        return SCHEMES[self.scheme].verifier(self._key)


class SigningKey:
    """A private key that makes SPDM signatures; where it is `slow`, others should not wait."""

    def __init__(self, key: PrivateKey, scheme: str = "") -> None:
        """Raises PkiError as `VerifyingKey` does."""
        self._key = key
        self.public = VerifyingKey(key.public_key(), scheme)
        self.scheme = self.public.scheme
        self.slow = SCHEMES[self.scheme].slow
        self._sign = SCHEMES[self.scheme].signer(key)

    @property
    def pyca(self) -> PrivateKey:
        """The key as `cryptography` knows it, for `pki` only."""
        return self._key

    @classmethod
    def derive(cls, scheme: str, secret: bytes) -> "SigningKey":
        """The key that `secret` always gives; for RSA this takes up to seconds."""
        return cls(SCHEMES[scheme].derive(secret), scheme)

    @classmethod
    def from_pem(cls, pem: bytes, *, trusted: bool = False) -> "SigningKey":
        """Read an unencrypted PEM key. Raises PkiError for what is no key of a scheme we know.

        Whether the primes of an RSA key are some takes up to a third of a second to test; a
        `trusted` key is spared that.
        """
        try:
            key = serialization.load_pem_private_key(
                pem, password=None, unsafe_skip_rsa_key_validation=trusted
            )
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise PkiError(f"not an unencrypted PEM private key: {error}") from error
        if not isinstance(key, PrivateKey):
            raise PkiError(f"{_told(key)} where one of {', '.join(KEY_TYPES)} is needed")
        return cls(key)

    def to_pem(self) -> bytes:
        """The key as unencrypted PKCS#8 PEM."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def under(self, scheme: str) -> "SigningKey":
        """This key under `scheme`, one of its public key's `schemes`."""
        return self if scheme == self.scheme else SigningKey(self._key, scheme)

    def sign(self, signed: Signable) -> bytes:
        """The signature over `signed`, as on the wire."""
        return self._sign(signed)


def _told(key: object) -> str:
    """What a key is, for a message."""
    match key:
        case ec.EllipticCurvePublicKey():
            return f"curve {key.curve.name}"
        case rsa.RSAPublicKey():
            return f"an RSA key of {key.key_size} bits"
        case _:
            return f"a {type(key).__name__}"
