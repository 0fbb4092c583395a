from pathlib import Path

import pytest
from chains import authority, issued

from emulator.crypto.x509 import split_chain
from emulator.errors import PkiError
from emulator.pki import export, files
from emulator.pki.export import REQUESTER, export_spdm_emu
from emulator.pki.issue import LeafOptions

REQUESTER_READS = ["ca.cert.der", "ca1.cert.der"]
RESPONDER_READS = [
    *("bundle_responder.certchain.der", "bundle_responder.certchain1.der"),
    *("bundle_responder.certchain4.der", "end_responder.key", "end_responder4.key"),
    *("end_responder.key.pub.der", "end_responder.cert.der", "inter.cert.der"),
]
MUTUAL_READS = [
    *("bundle_requester.certchain.der", "end_requester.key", "end_requester.key.pub.der"),
    "end_requester.cert.der",
]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_device_in_spdm_emus_layout(tmp_path: Path) -> None:
    chains = [issued(), issued("ECDSA_P384")]
    written = export_spdm_emu(tmp_path, chains)
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for chain, below in zip(chains, ("ecp256", "ecp384"), strict=True):
        folder = tmp_path / below
        assert names(folder) == sorted(REQUESTER_READS + RESPONDER_READS)
        assert (folder / "ca.cert.der").read_bytes() == chain.root
        assert (folder / "ca1.cert.der").read_bytes() == chain.root
        for slot in ("", "1", "4"):
            bundle = folder / f"bundle_responder.certchain{slot}.der"
            assert split_chain(bundle.read_bytes()) == chain.certificates
        assert (folder / "end_responder.key").read_bytes() == chain.key.to_pem()
        assert (folder / "end_responder.key.pub.der").read_bytes() == chain.key.public.spki


def test_an_alias_device_also_has_its_partial_chain(tmp_path: Path) -> None:
    chain = issued(options=LeafOptions(model="alias"))
    export_spdm_emu(tmp_path, [chain])
    partial = tmp_path / "ecp256" / "bundle_responder.certchain_alias_cert_partial_set.der"
    assert split_chain(partial.read_bytes()) == chain.certificates[:-1]
    whole = tmp_path / "ecp256" / "bundle_responder.certchain_alias.der"
    assert whole.read_bytes() == chain.der


def test_a_requester_stands_beside_the_device(tmp_path: Path) -> None:
    host = issued(secret=b"host", san=None, options=REQUESTER)
    export_spdm_emu(tmp_path, [issued()], requesters=[host])
    folder = tmp_path / "ecp256"
    assert names(folder) == sorted(REQUESTER_READS + RESPONDER_READS + MUTUAL_READS)
    assert (folder / "bundle_requester.certchain.der").read_bytes() == host.der
    assert (folder / "end_requester.key").read_bytes() == host.key.to_pem()


def test_a_folder_has_room_for_one_device_a_scheme(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match=r"ecp256/end_responder\.cert\.der: two chains"):
        export_spdm_emu(tmp_path, [issued(), issued(secret=b"another")])
    assert list(tmp_path.iterdir()) == []


def test_roots_for_other_programs(tmp_path: Path) -> None:
    roots = [authority(name).root.certificate for name in ("ECDSA_P256", "ECDSA_P384")]
    pem = export.export_pem(tmp_path / "new" / "roots.pem", roots)
    assert files.read_certificates(pem) == tuple(roots)
    der = export.export_der(tmp_path / "root.der", roots[1])
    assert der.read_bytes() == roots[1]
