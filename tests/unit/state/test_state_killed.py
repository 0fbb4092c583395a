"""A device that is killed while a certificate is installed has the old chain or the new one.

SPDM_EMULATOR_KILLS says how often it is killed; 30 times unless it does.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed.py")
TIMES = os.environ.get("SPDM_EMULATOR_KILLS", "30")


@pytest.mark.timeout(120 + int(TIMES))
def test_a_killed_device_has_the_old_chain_or_the_new_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "device", TIMES, "tests"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["killed"] == int(TIMES)
