import re
from pathlib import Path

import pytest
from chains import issued

from emulator.errors import PkiError
from emulator.pki import files

CHAIN = issued()


def test_pem_and_der_read_alike(tmp_path: Path) -> None:
    pem = files.write_file(tmp_path / "a" / "chain.pem", files.to_pem(CHAIN.certificates))
    der = files.write_file(tmp_path / "a" / "chain.der", CHAIN.der)
    assert files.read_certificates(pem) == files.read_certificates(der) == CHAIN.certificates


def test_words_around_pem_do_not_matter(tmp_path: Path) -> None:
    path = files.write_file(tmp_path / "c.pem", b"a root\n" + files.to_pem([CHAIN.root]))
    assert files.read_certificates(path) == (CHAIN.root,)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the chain is empty"),
        (b"hello", "neither PEM nor DER certificates: byte 0"),
        (b"-----BEGIN CERTIFICATE-----\nxx\n", "neither PEM nor DER certificates"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, reason: str) -> None:
    path = files.write_file(tmp_path / "c", data)
    with pytest.raises(PkiError, match=f"{re.escape(str(path))}: .*{reason}"):
        files.read_certificates(path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / "below"
    with pytest.raises(PkiError, match=f"{re.escape(str(path))}: cannot be written"):
        files.write_file(path, b"")
