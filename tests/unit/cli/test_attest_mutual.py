"""`attest --mutual`, as a user runs it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chains import authority
from mutual import asking
from typer.testing import CliRunner, Result
from unit.cli.test_attest_command import listening

from emulator.cli.main import app
from emulator.pki.authority import sample_authority
from emulator.pki.files import to_pem
from emulator.spdm.messages.key_exchange import MutualAuth


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    anchors = (sample_authority("ECDSA_P384").root.certificate,)
    with listening(asking(MutualAuth.ENCAPSULATED, challenge=True, anchors=anchors)) as address:
        yield address


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roots") / "roots.pem"
    path.write_bytes(to_pem([authority(s).root.certificate for s in ("ECDSA_P256", "ECDSA_P384")]))
    return path


def attest(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["attest", *map(str, arguments)])


def test_a_requester_that_is_trusted(target: str, roots: Path) -> None:
    done = attest(target, "--trust", roots, "--json", "--session", "--mutual", "sample")
    assert done.exit_code == 0, done.output
    steps = {step["name"]: step["detail"] for step in json.loads(done.stdout)["steps"]}
    assert steps["mutual authentication"] == "the device has accepted our chain and signature"
    assert steps["session finish"].endswith("and the device has accepted who we are")


def test_one_that_is_not(target: str, roots: Path, tmp_path: Path) -> None:
    authority("ECDSA_P384").save(tmp_path)
    done = attest(target, "--trust", roots, "--json", "--mutual", tmp_path)
    assert done.exit_code == 1
    steps = {step["name"]: step for step in json.loads(done.stdout)["steps"]}
    assert steps["challenge"]["ok"] is False
    assert "INVALID_RESPONSE_CODE" in steps["challenge"]["detail"]


def test_without_an_identity_nothing_is_asked(target: str, roots: Path) -> None:
    done = attest(target, "--trust", roots, "--json", "--session")
    assert done.exit_code == 0, done.output
    assert "mutual authentication" not in done.stdout


def test_a_folder_without_an_authority(target: str, tmp_path: Path) -> None:
    done = attest(target, "--mutual", tmp_path)
    assert done.exit_code == 2
    assert "--mutual:" in " ".join(done.output.split())
    assert "no authority's folder" in " ".join(done.output.split())
