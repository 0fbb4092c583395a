"""A requester's chains of a test authority."""

from pathlib import Path

import pytest
from chains import authority

from emulator.crypto.certificate import OID_REQUESTER_AUTH, Certificate
from emulator.crypto.keys import SCHEMES
from emulator.errors import PkiError
from emulator.pki.requesters import requester_identity


def test_every_slot_has_a_chain_for_each_algorithm() -> None:
    identity = requester_identity()
    assert set(identity.slots) == set(range(8))
    assert set(identity.schemes) == set(SCHEMES)
    for scheme, chain in identity.slots[5].items():
        assert chain.key.scheme == scheme
        leaf = Certificate.parse(chain.certificates[-1])
        assert OID_REQUESTER_AUTH in leaf.ekus
        assert leaf.key is not None
        assert leaf.key.spki == chain.key.public.spki
    again = requester_identity()
    assert again.slots[0]["ECDSA_P256"].certificates == identity.slots[5]["ECDSA_P256"].certificates


def test_an_authority_of_ones_own(tmp_path: Path) -> None:
    made = authority("ECDSA_P384")
    made.save(tmp_path)
    identity = requester_identity(tmp_path)
    assert identity.schemes == ("ECDSA_P384",)
    assert identity.slots[0]["ECDSA_P384"].root == made.root.certificate


def test_a_folder_without_one(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match="no authority's folder"):
        requester_identity(tmp_path)
