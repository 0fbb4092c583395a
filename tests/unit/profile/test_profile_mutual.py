"""What a profile says of mutual authentication, and the device that comes of it."""

from pathlib import Path

import pytest
from chains import AT, authority, issued

from emulator.device import Device
from emulator.entropy import Seeded
from emulator.pki import files
from emulator.pki.authority import sample_authority
from emulator.profile import build, load
from emulator.spdm.messages.key_exchange import MutualAuth

SECTION = "mutual_authentication"


def made(*sets: str, folder: Path = Path()) -> Device:
    loaded = load("mutual-auth", sets=sets, folder=folder, at=AT)
    return build(loaded, entropy=Seeded("profile"), at=AT)


def test_the_ready_profile_trusts_the_sample_authority() -> None:
    mutual = made().mutual
    assert (mutual.challenge, mutual.key_exchange, mutual.slot) == (
        True,
        MutualAuth.ENCAPSULATED,
        0,
    )
    assert sample_authority("ECDSA_P384").root.certificate in mutual.anchors
    assert (mutual.at, mutual.lenient, mutual.mandatory) == (AT, False, False)


@pytest.mark.parametrize(
    ("told", "how"),
    [
        ("none", MutualAuth(0)),
        ("without-encapsulation", MutualAuth.REQUESTED),
        ("digests", MutualAuth.GET_DIGESTS),
    ],
)
def test_each_form(told: str, how: MutualAuth) -> None:
    assert made(f"{SECTION}.key_exchange={told}").mutual.key_exchange == how


def test_files(tmp_path: Path) -> None:
    one = issued("ECDSA_P384")
    files.write_file(
        tmp_path / "root.pem", files.to_pem([authority("ECDSA_P384").root.certificate])
    )
    files.write_file(tmp_path / "chain.pem", files.to_pem(one.certificates[1:]))
    files.write_file(tmp_path / "key.pub", one.key.public.to_pem())
    mutual = made(
        f"{SECTION}.anchors=[root.pem]",
        f"{SECTION}.chains=[{{certificates: [chain.pem], root: root.pem}}]",
        f"{SECTION}.public_keys=[key.pub]",
        f"{SECTION}.failure=warn",
        f"{SECTION}.mandatory=true",
        folder=tmp_path,
    ).mutual
    assert mutual.anchors == (one.root,)
    assert mutual.chains["ECDSA_P384"].certificates == one.certificates[1:]
    assert mutual.chains["ECDSA_P384"].root == one.root
    assert mutual.keys["ECDSA_P384"].spki == one.key.public.spki
    assert (mutual.lenient, mutual.mandatory) == (True, True)
