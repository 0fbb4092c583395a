"""Who a requester is to devices that ask: chains of a test authority."""

from pathlib import Path

from emulator.entropy import Seeded
from emulator.errors import PkiError
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE, Authority, sample_authority
from emulator.pki.export import REQUESTER
from emulator.pki.issue import issue
from emulator.pki.schemes import SCHEMES
from emulator.requester import Identity
from emulator.spdm.chain import CertificateChain
from emulator.spdm.messages.certificates import SLOT_COUNT

_NAME = "spdm-emulator requester"
_SECRET_SIZE = 32


def requester_identity(folder: Path | None = None) -> Identity:
    """A chain for each signature algorithm, the same in every slot and in every run.

    Its issuer is the sample authority, or the one that `certs make` wrote to `folder`, as far as
    that has kinds of keys. Raises PkiError where that is unreadable, or there is none.
    """
    chains: dict[str, CertificateChain] = {}
    for kind, row in SCHEMES.items():
        if folder is not None and not (folder / row.folder).is_dir():
            continue
        issuer = sample_authority(kind) if folder is None else Authority.load(folder, kind)
        made = issue(
            issuer,
            san=None,
            common_name=_NAME,
            secret=Seeded(_NAME).bytes(_SECRET_SIZE, label=kind),
            not_before=NOT_BEFORE,
            not_after=NOT_AFTER,
            options=REQUESTER,
        )
        for scheme in made.key.public.schemes:
            key = made.key.under(scheme)
            chains[scheme] = CertificateChain(made.certificates, made.root, key)
    if not chains:
        raise PkiError(f"{folder}: no authority's folder, such as `certs make` writes")
    return Identity(dict.fromkeys(range(SLOT_COUNT), chains))
