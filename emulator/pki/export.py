"""Writing certificates where other programs look for them.

DMTF's sample programs read one folder a signature scheme from their working directory (libspdm
`os_stub/spdm_device_secret_lib_sample/read_pub_cert.c`, `read_priv_key_pem.c`,
`read_pub_key_der.c`). The requester reads
- `ca.cert.der` and `ca1.cert.der`: the roots it trusts, for slot 0 and for the others;
- `end_responder.key.pub.der`: the device's key if it was provisioned (`--slot_id 0xFF`);
- `bundle_responder.certchain.der`: what it installs with SET_CERTIFICATE; from a device with alias
  certificates `bundle_responder.certchain_alias_cert_partial_set.der`, which ends at the device
  certificate;
- `bundle_requester.certchain.der`, `end_requester.key`: what it shows in mutual authentication.
The responder reads the chains of its slots 0, 1 and 4, the keys `end_responder.key` and
`end_responder4.key`, and `ca.cert.der` of the requester's scheme.

Which of the requester's own schemes is read follows from the negotiation: none if the device
offers no mutual authentication and selects none.
"""

from collections.abc import Iterable
from pathlib import Path

from emulator.crypto.certificate import OID_REQUESTER_AUTH, OID_RESPONDER_AUTH
from emulator.crypto.keys import VerifyingKey
from emulator.errors import PkiError
from emulator.pki import files
from emulator.pki.issue import IssuedChain, LeafOptions
from emulator.pki.schemes import scheme

REQUESTER = LeafOptions(ekus=(OID_REQUESTER_AUTH, OID_RESPONDER_AUTH), spdm_oids=())
"""The leaf options of a requester's chain, for mutual authentication.

Both purposes, because libspdm_read_requester_public_certificate_chain judges the requester's own
chain as if it were a responder's.
"""


def export_spdm_emu(
    folder: Path,
    chains: Iterable[IssuedChain],
    *,
    requesters: Iterable[IssuedChain] = (),
    keys: Iterable[VerifyingKey] = (),
) -> list[Path]:
    """Write chains so that DMTF's sample requester runs with `folder` as its working directory.

    Args:
        folder: where the folders of the key types (`ecp256`, `rsa3072`, `ed448`) go.
        chains: the device's, at most one a scheme. The same chain stands in every slot that the
            sample responder fills, so that it can play the device too.
        requesters: the requester's own chains, at most one a scheme, from the same authority.
        keys: the public keys of a device without chains (`--slot_id 0xFF`).

    Returns the files written. Raises PkiError for two chains of one scheme, or if a requester's
    root is not the device's: a folder has room for one root.
    """
    wanted: dict[str, bytes] = {}
    for chain in chains:
        _add(wanted, _responder(chain))
    for chain in requesters:
        _add(wanted, _requester(chain))
    for key in keys:
        below = scheme(key.scheme).spdm_emu
        _add(wanted, {f"{below}/end_responder.key.pub.der": key.spki})
    return [files.write_file(folder / name, data) for name, data in sorted(wanted.items())]


def export_pem(path: Path, certificates: Iterable[bytes]) -> Path:
    """Write certificates (DER) as one PEM bundle, such as roots for `openssl verify`."""
    return files.write_file(path, files.to_pem(certificates))


def export_der(path: Path, certificate: bytes) -> Path:
    """Write one certificate as DER, as `keyctl padd asymmetric` takes it for a kernel keyring."""
    return files.write_file(path, certificate)


def export_public_keys(path: Path, keys: Iterable[VerifyingKey]) -> Path:
    """Write public keys as PEM, one after the other."""
    return files.write_file(path, b"".join(key.to_pem() for key in keys))


def _responder(chain: IssuedChain) -> dict[str, bytes]:
    below = scheme(chain.scheme).spdm_emu
    key = chain.key.to_pem()
    named = {
        "ca.cert.der": chain.root,
        "ca1.cert.der": chain.root,
        "inter.cert.der": chain.certificates[1],
        "end_responder.cert.der": chain.leaf,
        "end_responder.key": key,
        "end_responder.key.pub.der": chain.key.public.spki,
        "end_responder4.key": key,
        "bundle_responder.certchain.der": chain.der,
        "bundle_responder.certchain1.der": chain.der,
        "bundle_responder.certchain4.der": chain.der,
    }
    if chain.model == "alias":
        partial = b"".join(chain.certificates[:-1])
        named["bundle_responder.certchain_alias.der"] = chain.der
        named["bundle_responder.certchain_alias_cert_partial_set.der"] = partial
    return {f"{below}/{name}": data for name, data in named.items()}


def _requester(chain: IssuedChain) -> dict[str, bytes]:
    below = scheme(chain.scheme).spdm_emu
    named = {
        "ca.cert.der": chain.root,
        "end_requester.cert.der": chain.leaf,
        "end_requester.key": chain.key.to_pem(),
        "end_requester.key.pub.der": chain.key.public.spki,
        "bundle_requester.certchain.der": chain.der,
    }
    return {f"{below}/{name}": data for name, data in named.items()}


def _add(wanted: dict[str, bytes], more: dict[str, bytes]) -> None:
    for name, data in more.items():
        if wanted.setdefault(name, data) != data:
            raise PkiError(f"{name}: two chains ask for it with different content")
