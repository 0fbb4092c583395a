"""Options of `serve` that are about MQTT and do not go together, or name what is not there."""

import pytest
from typer.testing import CliRunner

from emulator.cli.main import app


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mqtt-share"], "options of MQTT without a broker"),
        (["--mqtt-ca", "x"], "options of MQTT without a broker"),
        (["--mqtt", "mqtt://h", "--mqtt-room", "3"], "--mqtt-room goes with --mqtt-share"),
        (["--mqtt", "tcp://h"], "expected mqtt://"),
        (["--mqtt", "mqtts://h", "--mqtt-ca", "missing"], "missing: found No such file"),
        (["--mqtt", "mqtts://h", "--mqtt-cert", "c"], "expected --mqtt-key beside it"),
        (
            ["--mqtt", "mqtt://u@h", "--mqtt-password-file", "missing"],
            "expected a file with a password",
        ),
    ],
)
def test_wrong_use_is_told(options: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["serve", "--port", "0", *options])
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
