"""Where a broker is, as URLs, options and files say it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from emulator.errors import ProfileError
from emulator.profile.broker import Broker, BrokerTls, Sharing, from_url, tls_from


@pytest.mark.parametrize(
    ("url", "address", "prefix", "tls"),
    [
        ("mqtt://h", ("h", 1883), "spdm", False),
        ("mqtts://h", ("h", 8883), "spdm", True),
        ("mqtt://h:18/lab/spdm/", ("h", 18), "lab/spdm", False),
        ("mqtts://[::1]:9/x%20y", ("::1", 9), "x y", True),
    ],
)
def test_a_url_says_it(url: str, address: tuple[str, int], prefix: str, *, tls: bool) -> None:
    broker = from_url(url)
    assert (broker.address, broker.prefix, broker.tls is not None) == (address, prefix, tls)


def test_a_url_with_options(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("p w\r\nmore\n")
    tls = tls_from(tmp_path / "ca", None, None)
    broker = from_url("mqtts://ann%40x@h", password_file=secret, tls=tls, share=Sharing(room=3))
    assert broker.username == "ann@x"
    assert broker.password() == "p w"
    assert broker.tls == BrokerTls(ca=tmp_path / "ca")
    assert broker.share == Sharing(room=3)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("h:1883", "expected mqtt://[USER@]HOST"),
        ("http://h", "expected mqtt://[USER@]HOST"),
        ("mqtt://", "expected mqtt://[USER@]HOST"),
        ("mqtt://h?x=1", "expected mqtt://[USER@]HOST"),
        ("mqtt://h:x", "Port could not be cast"),
        ("mqtt://h:99999", "Port out of range"),
        ("mqtt://h:0", "--mqtt: port: found"),
        ("mqtt://ann:secret@h", "expected it in --mqtt-password-file"),
        ("mqtt://h/a/+/b", "prefix: found"),
        ("mqtt://h/a//b", "expected levels of a topic, such as lab/spdm"),
    ],
)
def test_a_wrong_url_is_told(url: str, words: str) -> None:
    with pytest.raises(ProfileError) as refused:
        from_url(url)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="expected --mqtt-key beside it"):
        tls_from(None, tmp_path / "cert", None)
    with pytest.raises(ProfileError, match="expected --mqtt-cert beside it"):
        tls_from(None, None, tmp_path / "key")
    with pytest.raises(ProfileError, match="expected mqtts://"):
        from_url("mqtt://h", tls=tls_from(tmp_path / "ca", None, None))
    with pytest.raises(ProfileError, match="expected a username beside password_file"):
        from_url("mqtt://h", password_file=tmp_path)


@pytest.mark.parametrize(
    "said",
    [
        {"port": 1883},
        {"host": "", "port": 1},
        {"host": "h", "tls": {"certificate": Path("x")}},
        {"host": "h", "prefix": "$SYS"},
        {"host": "h", "keepalive": 0},
        {"host": "h", "queue": 0},
        {"host": "h", "share": {"room": -1}},
        {"host": "h", "last_will": "fleet"},
        {"host": "h", "password": "never here"},
    ],
)
def test_a_file_that_is_wrong_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Broker.model_validate(said)
