"""The key pair of a device that is known by a public key instead of certificates."""

from emulator.crypto.keys import SigningKey
from emulator.errors import PkiError
from emulator.pki.authority import sample_authority
from emulator.profile.chains import read_key
from emulator.profile.issued import pci_identity
from emulator.profile.model import Profile
from emulator.profile.report import Report

PublicKeys = dict[str, SigningKey]
"""Keys by the signature algorithm they serve."""


def provision_keys(profile: Profile, report: Report) -> PublicKeys:
    """A key for each signature algorithm that is offered; none if the profile has no public key.

    `auto` keys depend on the profile's name, its identity and the algorithm alone. RSA keys take
    too long to make: all devices share the sample authority's.
    """
    given = profile.public_key
    if given is None:
        return {}
    offered = profile.algorithms.asym
    if isinstance(given, str):
        return {scheme: _derive(profile, scheme) for scheme in offered}
    try:
        key = read_key(given.key)
    except PkiError as error:
        report.at(("public_key", "key"), "a private key, unencrypted PEM", str(error))
        return {}
    for index, scheme in enumerate(offered):
        if scheme not in key.public.schemes:
            expect = f"{' or '.join(key.public.schemes)}, which the public key serves"
            report.at(("algorithms", "asym", index), expect)
    return {scheme: key.under(scheme) for scheme in offered if scheme in key.public.schemes}


def _derive(profile: Profile, scheme: str) -> SigningKey:
    shared = sample_authority(scheme).device_key
    if shared is not None:
        return shared.under(scheme)
    parts = (profile.name, pci_identity(profile).san, "public key", scheme)
    return SigningKey.derive(scheme, "\0".join(parts).encode())
