"""The kinds of keys an authority can be made for: one row each.

A kind of keys may serve several signature schemes: an RSA key serves RSASSA and RSAPSS, as among
libspdm's samples. A kind added to `emulator/crypto/keys.py` becomes issuable by a row here.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes

from emulator.crypto import keys
from emulator.errors import PkiError


@dataclass(frozen=True)
class Scheme:
    """How certificates of one kind of keys are made and filed.

    RSA certificates are signed with PKCS#1 v1.5, also those that serve RSAPSS.
    """

    name: str
    """The kind of keys (`crypto.keys.KEY_TYPES`), such as `ECDSA_P256` or `RSA_3072`."""
    hash: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None
    """What its certificates are signed with; None where the signature scheme hashes for itself."""
    spdm_emu: str
    """Its folder among libspdm's sample keys (`read_pub_cert.c`)."""
    shared_device_key: bool = False
    """Whether deriving a key takes so long that devices without a key share the authority's."""

    @property
    def folder(self) -> str:
        """Its folder in `certs/`."""
        return self.name.lower()

    @property
    def algorithm(self) -> str:
        """The first signature algorithm that its keys serve."""
        return keys.scheme_of_type(self.name)


SCHEMES = {
    row.name: row
    for row in (
        Scheme("ECDSA_P256", hashes.SHA256(), "ecp256"),
        Scheme("ECDSA_P384", hashes.SHA384(), "ecp384"),
        Scheme("ECDSA_P521", hashes.SHA512(), "ecp521"),
        Scheme("RSA_2048", hashes.SHA256(), "rsa2048", shared_device_key=True),
        Scheme("RSA_3072", hashes.SHA384(), "rsa3072", shared_device_key=True),
        Scheme("RSA_4096", hashes.SHA512(), "rsa4096", shared_device_key=True),
        Scheme("EDDSA_25519", None, "ed25519"),
        Scheme("EDDSA_448", None, "ed448"),
    )
}


def scheme(name: str) -> Scheme:
    """The row of a kind of keys, or of a signature algorithm. Raises PkiError naming the rows."""
    served = keys.SCHEMES.get(name)
    row = SCHEMES.get(served.key_type if served else name)
    if row is None:
        raise PkiError(f"no certificates are made for {name}; known: {', '.join(SCHEMES)}")
    return row
