"""The signature schemes an authority can be made for: one row each.

A scheme added to `emulator/crypto/keys.py` becomes issuable by a row here.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes

from emulator.errors import PkiError


@dataclass(frozen=True)
class Scheme:
    """How certificates of one signature scheme are made and filed."""

    name: str
    """The algorithm's name, such as `ECDSA_P256`."""
    hash: hashes.SHA256 | hashes.SHA384
    """What its certificates are signed with."""
    spdm_emu: str
    """Its folder among libspdm's sample keys (`read_pub_cert.c`)."""

    @property
    def folder(self) -> str:
        """Its folder in `certs/`."""
        return self.name.lower()


SCHEMES = {
    row.name: row
    for row in (
        Scheme("ECDSA_P256", hashes.SHA256(), "ecp256"),
        Scheme("ECDSA_P384", hashes.SHA384(), "ecp384"),
    )
}


def scheme(name: str) -> Scheme:
    """The row of scheme `name`. Raises PkiError naming those there are."""
    row = SCHEMES.get(name)
    if row is None:
        raise PkiError(f"no certificates are made for {name}; known: {', '.join(SCHEMES)}")
    return row
