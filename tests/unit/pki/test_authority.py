import re
from pathlib import Path

import pytest
from chains import AT, QUICK, authority

from emulator import resources
from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import SigningKey
from emulator.entropy import Seeded
from emulator.errors import PkiError
from emulator.pki import files
from emulator.pki.authority import (
    NOT_AFTER,
    NOT_BEFORE,
    SAMPLE_SEED,
    Authority,
    make_all,
    sample_authority,
)
from emulator.pki.schemes import SCHEMES


def content(folder: Path) -> dict[str, bytes]:
    pems = sorted(folder.rglob("*.pem"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in pems}


def test_the_sample_is_what_its_seed_makes(tmp_path: Path) -> None:
    written = make_all(tmp_path, Seeded(SAMPLE_SEED))
    assert sorted(written) == sorted(tmp_path.rglob("*.pem"))
    assert content(tmp_path) == content(resources.folder("certs"))


def test_the_sample_readme_names_its_seed() -> None:
    assert f'--seed "{SAMPLE_SEED}"' in (resources.folder("certs") / "README.md").read_text()


def test_the_trust_file_has_every_root() -> None:
    roots = files.read_certificates(resources.folder("certs") / "trust.pem")
    assert roots == tuple(sample_authority(name).root.certificate for name in SCHEMES)


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(PkiError, match="SM2_P256; known: ECDSA_P256, ECDSA_P384"):
        Authority.make("SM2_P256", Seeded(1))


def test_another_seed_is_another_authority() -> None:
    one, other = authority(), authority(seed="another")
    assert one.root.certificate != other.root.certificate
    assert one.root.key.public.spki != other.root.key.public.spki


@pytest.mark.parametrize("scheme", QUICK)
def test_dates_and_name(scheme: str) -> None:
    made = Authority.make(scheme, Seeded(1), not_before=AT, not_after=NOT_AFTER, name="Lab")
    for role, issuer in (("root", made.root), ("intermediate", made.intermediate)):
        certificate = Certificate.parse(issuer.certificate)
        assert certificate.subject == f"CN=Lab {scheme} {role},O=spdm-emulator"
        assert (certificate.not_before, certificate.not_after) == (AT, NOT_AFTER)


def test_dates_must_be_in_order() -> None:
    with pytest.raises(PkiError, match=r"Sample ECDSA_P256 root.*date"):
        Authority.make("ECDSA_P256", Seeded(1), not_before=NOT_AFTER, not_after=NOT_BEFORE)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("x" * 60, "<= 64"), ("x" * 48, "takes 101 bytes of DER, at most 100 are right")],
)
def test_a_name_must_fit(name: str, reason: str) -> None:
    with pytest.raises(PkiError, match=f"common name '{name}.*{reason}"):
        Authority.make("ECDSA_P256", Seeded(1), name=name)


class TestLoad:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        authority().save(tmp_path)
        return tmp_path / "ecdsa_p256"

    def load(self, folder: Path) -> Authority:
        return Authority.load(folder.parent, "ECDSA_P256")

    def test_gives_back_what_was_saved(self, folder: Path) -> None:
        loaded = self.load(folder)
        for mine, saved in (
            (loaded.root, authority().root),
            (loaded.intermediate, authority().intermediate),
        ):
            assert mine.certificate == saved.certificate
            assert mine.key.to_pem() == saved.key.to_pem()

    def fails(self, folder: Path, name: str, reason: str) -> None:
        with pytest.raises(PkiError, match=f"{re.escape(str(folder / name))}: {reason}"):
            self.load(folder)

    @pytest.mark.parametrize("name", ["root.cert.pem", "intermediate.key.pem"])
    def test_a_missing_file(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        self.fails(folder, name, "cannot be read: No such file")

    def test_a_file_that_is_no_key(self, folder: Path) -> None:
        (folder / "root.key.pem").write_text("nonsense")
        self.fails(folder, "root.key.pem", "not an unencrypted PEM private key")

    def test_a_key_of_another_scheme(self, folder: Path) -> None:
        key = SigningKey.derive("ECDSA_P384", b"x").to_pem()
        (folder / "root.key.pem").write_bytes(key)
        self.fails(folder, "root.key.pem", "an ECDSA_P384 key where ECDSA_P256 is needed")

    def test_a_key_of_another_certificate(self, folder: Path) -> None:
        (folder / "root.key.pem").write_bytes(authority().intermediate.key.to_pem())
        self.fails(folder, "root.cert.pem", "certifies another key than")

    def test_a_bundle_for_a_certificate(self, folder: Path) -> None:
        path = folder / "root.cert.pem"
        path.write_bytes(path.read_bytes() * 2)
        self.fails(folder, "root.cert.pem", "2 certificates where one is needed")

    def test_an_unreadable_certificate(self, folder: Path) -> None:
        (folder / "root.cert.pem").write_bytes(b"\x30\x00")
        self.fails(folder, "root.cert.pem", "not a readable certificate")

    def test_an_intermediate_of_another_root(self, folder: Path) -> None:
        other = authority(seed="another").intermediate
        (folder / "intermediate.cert.pem").write_bytes(files.to_pem([other.certificate]))
        (folder / "intermediate.key.pem").write_bytes(other.key.to_pem())
        self.fails(folder, "intermediate.cert.pem", "not issued by .*root.cert.pem: the signature")
