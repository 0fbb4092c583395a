import pytest
from typer.testing import CliRunner

from emulator.cli.main import app


def demo(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["demo", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_draws_the_flow_and_the_verdict(version: str) -> None:
    code, output = demo("--set", f'versions=["{version}"]')
    assert code == 0, output
    for name in ("GET_VERSION", "ALGORITHMS", "CERTIFICATE", "CHALLENGE_AUTH", "MEASUREMENTS"):
        assert name in output
    assert "VERDICT" in output
    assert "0 failed, 0 not judged" in output


def test_the_same_seed_draws_the_same_picture() -> None:
    first, second = (
        [line for line in demo("--seed", "7", "-v")[1].splitlines() if "valid at" not in line]
        for _ in range(2)
    )
    assert first == second
    assert "seed 7 " in "\n".join(first)
    assert first != demo("--seed", "8", "-v")[1].splitlines()


def test_another_name_in_the_certificate_is_found_out() -> None:
    code, output = demo("--set", "slots.0.auto.san=Vendor=dead:Device=beef")
    assert code == 1
    assert "failed: chain: leaf name" in " ".join(output.split())


def test_a_device_without_measurements() -> None:
    code, output = demo("linux-cma")
    assert code == 0, output


def test_a_profile_that_is_not_there() -> None:
    code, output = demo("no-such-profile")
    assert code == 2
    assert "no-such-profile" in output
