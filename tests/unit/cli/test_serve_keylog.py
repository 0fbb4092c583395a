"""`serve --keylog`: where it is of no use, and the file it writes."""

import subprocess
from pathlib import Path

import pytest
from interop.serving import COMMAND
from secured import BY_PSK, Wire, able_device, established

from emulator.cli.keylog import keep_secrets
from emulator.spdm.keylog import read_keylog
from emulator.spdm.session_secrets import EXPORT_LABEL, LABELS


def test_secrets_are_appended_to_a_file_of_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    for _ in range(2):
        held = able_device()
        keep_secrets(file, [held])
        wire = Wire(held)
        established(wire)
        established(wire, BY_PSK)
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert len(text.splitlines()) == 2 * 2 * (len(LABELS) + 1)
    for told in read_keylog("keys", text).values():
        assert set(told) == {*LABELS.values(), EXPORT_LABEL}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", "2"), "takes profiles, no fleet file, nor --workers"),
        ((), "cannot be written"),
    ],
)
def test_where_it_cannot_be_kept(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    file = tmp_path / "nowhere" / "keys"
    done = subprocess.run(
        [COMMAND, "serve", "--port", "0", "--keylog", file, *options],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
