"""`measurements export` and `attest --reference`: what is written is what a device is held to."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from unit.cli.test_attest_command import listening

from emulator.cli.main import app
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.profile import build, load

NAME = "nvme-ssd"


def made() -> Device:
    now = datetime.now(UTC)
    return build(load(NAME, at=now), entropy=Seeded("reference"), at=now)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with listening(made()) as address:
        yield address


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def export(path: Path, *options: str) -> Path:
    done = run("measurements", "export", NAME, "--output", path, *options)
    assert done.exit_code == 0, done.output
    return path


def appraised(target: str, path: Path, *options: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code, and the step about reference values."""
    done = run("attest", target, "--reference", path, "--json", *options)
    [step] = [one for one in json.loads(done.stdout)["steps"] if one["name"] == "reference values"]
    return done.exit_code, step


@pytest.mark.parametrize("how", [(), ("--sign",), ("--format", "json"), ("--raw",)])
@pytest.mark.parametrize("asked", [(), ("--raw",), ("--measurements", "one-by-one")])
def test_a_device_as_its_profile_says(
    tmp_path: Path, target: str, how: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    code, step = appraised(target, export(tmp_path / "reference", *how), *asked)
    assert (code, step["ok"]) == (0, True)
    assert step["detail"] == f"all 6 are those of {NAME}"
    assert step["evidence"] == {"reference": NAME, "mismatches": []}


@pytest.mark.parametrize("how", [(), ("--sign",), ("--format", "json")])
def test_a_device_that_was_patched(tmp_path: Path, how: tuple[str, ...]) -> None:
    held = made()
    held.change_measurement(5, b"6.6.6")
    with listening(held) as target:
        code, step = appraised(target, export(tmp_path / "reference", *how))
    assert (code, step["ok"]) == (1, False)
    told = f"index 5: found raw {b'6.6.6'.hex()}, expected raw {b'4.2.0'.hex()}"
    assert step["detail"] == told
    assert step["evidence"]["mismatches"] == [told]


def test_to_standard_output() -> None:
    done = run("measurements", "export", NAME, "--format", "json")
    told = json.loads(done.stdout)
    assert told["schema"] == "spdm-emulator reference values 1"
    assert [one["index"] for one in told["measurements"]] == [1, 2, 3, 4, 5, 6]
    assert run("measurements", "export", NAME).stdout_bytes[:3] == bytes.fromhex("d901f5")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((NAME, "--sign", "--format", "json"), 2, "--sign where --format json"),
        (("no-such",), 2, "no-such"),
        (("linux-cma", "--set", "capabilities=[CERT]"), 1, "capabilities"),
    ],
)
def test_exports_that_cannot_be(arguments: tuple[str, ...], code: int, told: str) -> None:
    done = run("measurements", "export", *arguments)
    assert done.exit_code == code
    assert told in done.stderr


def test_a_device_that_measures_nothing() -> None:
    sets = ("capabilities=[CERT, CHAL]", "measurements=[]", "algorithms.measurement_hash=null")
    options = [part for one in sets for part in ("--set", one)]
    done = run("measurements", "export", NAME, *options)
    assert (done.exit_code, done.stderr.strip()) == (1, f"{NAME}: the device measures nothing")


def test_references_that_cannot_be_used(tmp_path: Path, target: str) -> None:
    path = tmp_path / "reference"
    done = run("attest", target, "--reference", path)
    assert (done.exit_code, "cannot be read" in done.stderr) == (2, True)
    path.write_text("{}", encoding="utf-8")
    done = run("attest", target, "--reference", path)
    assert done.exit_code == 2
    assert "schema: found None" in "".join(done.stderr.split("\n"))
    export(path)
    done = run("attest", target, "--reference", path, "--measurements", "none")
    assert (done.exit_code, "nothing to compare" in done.stderr) == (2, True)


def test_a_signature_is_judged_by_the_trusted_certificates(tmp_path: Path, target: str) -> None:
    path = export(tmp_path / "reference", "--sign")
    other = tmp_path / "other"
    assert (
        run("certs", "make", "--dir", other, "--seed", "1", "--scheme", "ECDSA_P384").exit_code == 0
    )
    done = run("attest", target, "--reference", path, "--trust", other / "trust.pem")
    assert done.exit_code == 2
    assert "is not issued by a trusted certificate" in " ".join(done.stderr.split())
