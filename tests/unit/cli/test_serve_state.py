"""`serve --state`, and `state:` of a fleet's file: one emulator for each folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("spdm-emulator")
FLEET = """
fleet: 1
state: states
devices:
  - {profile: libspdm-compat, name: "ssd-{n}", count: 2, port: 0}
"""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.timeout(120)
def test_a_folder_that_another_emulator_has_is_refused(tmp_path: Path, workers: int) -> None:
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text(FLEET, encoding="utf-8")
    with subprocess.Popen(
        [COMMAND, "serve", fleet, "--json", "--workers", str(workers)],
        stdout=subprocess.PIPE, text=True,
    ) as serving:  # fmt: skip
        assert serving.stdout is not None
        for _ in range(2):
            assert json.loads(serving.stdout.readline())["event"] == "listening"
        folders = sorted(one.name for one in (tmp_path / "states").iterdir())
        assert folders == ["ssd-1", "ssd-2"]
        again = subprocess.run(
            [COMMAND, "serve", fleet], capture_output=True, text=True, check=False
        )
        assert again.returncode == 2
        told = " ".join(again.stderr.split())
        assert "states/ssd-1: locked by process" in told
        assert "expected a folder that no emulator uses" in told
        serving.terminate()
        serving.communicate()
    assert serving.returncode == 0
