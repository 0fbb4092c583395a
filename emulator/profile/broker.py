"""Where an MQTT broker is, and how to come to it: for a fleet's file and for `serve --mqtt`."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator

from emulator.errors import ProfileError
from emulator.forms import Line, Part, refusal
from emulator.forms.words import shown
from emulator.profile.fields import FilePath

PLAIN_PORT, TLS_PORT = 1883, 8883
"""What IANA has for MQTT, without and with TLS."""

URL = "mqtt://[USER@]HOST[:PORT][/PREFIX], or mqtts:// with TLS"

_SCHEMES = {"mqtt": False, "mqtts": True}


def _prefix(text: str) -> str:
    if re.search(r"[+#\0]", text) or not all(text.split("/")) or text.startswith("$"):
        raise refusal("levels of a topic, such as lab/spdm, without + and #")
    return text


class BrokerTls(Part):
    """TLS to the broker. Without `ca` the system's authorities vouch for it."""

    ca: FilePath | None = Field(
        default=None, description="The authority's certificate, PEM; null: those of the system."
    )
    certificate: FilePath | None = Field(
        default=None, description="The client's certificate, PEM, with what stands above it."
    )
    key: FilePath | None = Field(
        default=None, description="The client certificate's private key, unencrypted PEM."
    )
    verify_host: bool = Field(
        default=True, description="Whether the broker's certificate must name its host."
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            alone = "a certificate" if self.key is None else "a key"
            raise refusal("certificate and key together", f"{alone} alone")
        return self


class Sharing(Part):
    """A fleet that several emulators serve together: devices go to whichever has room."""

    room: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="How many devices this emulator takes; null: as many as come."
    )
    grace: Annotated[float, Field(ge=0.5, le=600)] = Field(
        default=3.0,
        description="Seconds after the broker is there before a device that nobody claims is"
        " given away; one that an emulator claims which is not back yet: longest_wait later.",
    )


class Broker(Part):
    """An MQTT broker that events are published to and commands come from."""

    host: Line = Field(min_length=1, description="Address or host name.")
    port: Annotated[int, Field(ge=1, le=0xFFFF)] | None = Field(
        default=None,
        description=f"TCP port; null: {PLAIN_PORT}, or {TLS_PORT} with TLS.",
    )
    prefix: Annotated[Line, AfterValidator(_prefix)] = Field(
        default="spdm", description="The levels of every topic before the version of the tree."
    )
    username: Line | None = Field(default=None, min_length=1, description="The user's name.")
    password_file: FilePath | None = Field(
        default=None, description="A file with the password as its first line."
    )
    tls: BrokerTls | None = Field(default=None, description="TLS; null: none.")
    client_id: Line | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="What the broker knows this emulator by; null: made of the names of the fleet"
        " and the emulator. Two clients of one id push each other out.",
    )
    keepalive: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=10,
        description="Seconds. After one and a half times as long without a sign of life the broker"
        " tells of the last will.",
    )
    events: list[Line] = Field(
        default=["*"],
        min_length=1,
        description="The kinds of events that are published, as names or patterns such as fault.*.",
    )
    commands: list[Line] = Field(
        default=["*"],
        description="The operations that may be called, as names or patterns such as faults.*; all"
        " of them can do what whoever runs the emulator can, on its files too.",
    )
    queue: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=10_000,
        description="How many events wait for the broker; those beyond are dropped and counted.",
    )
    longest_wait: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        default=10.0, description="The longest pause between attempts to connect, seconds."
    )
    last_will: Literal["device", "emulator"] = Field(
        default="device",
        description="device: a connection a device, so that the broker itself tells of each that"
        " is lost. emulator: one connection; whoever reads a device's status reads its emulator's.",
    )
    share: Sharing | None = Field(
        default=None,
        description="Share the fleet with other emulators; null: serve all of its devices.",
    )

    @model_validator(mode="after")
    def _password_of_whom(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise refusal("a username beside password_file", "none")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or (TLS_PORT if self.tls else PLAIN_PORT)

    def password(self) -> str | None:
        """The password, from its file. Raises ProfileError."""
        if self.password_file is None:
            return None
        try:
            first = self.password_file.read_text(encoding="utf-8").partition("\n")[0]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ProfileError(
                [f"{self.password_file}: found {reason}; expected a file with a password"]
            ) from None
        return first.removesuffix("\r")


def from_url(
    url: str,
    *,
    password_file: Path | None = None,
    tls: BrokerTls | None = None,
    share: Sharing | None = None,
) -> Broker:
    """The broker of a URL and of options beside it. Raises ProfileError."""
    try:
        parts = urlsplit(url)
        host, port, secret = parts.hostname, parts.port, parts.password
    except ValueError as error:
        raise _wrong(url, str(error)) from None
    if parts.scheme not in _SCHEMES or not host or parts.query or parts.fragment:
        raise _wrong(url)
    if secret is not None:
        hidden = url.replace(f":{secret}@", ":…@")
        raise ProfileError(
            [f"--mqtt: found a password in {shown(hidden)}; expected it in --mqtt-password-file"]
        )
    if tls is not None and not _SCHEMES[parts.scheme]:
        raise ProfileError([f"--mqtt: found {shown(url)} beside options of TLS; expected mqtts://"])
    if _SCHEMES[parts.scheme] and tls is None:
        tls = BrokerTls()
    return _broker(parts, host, port, password_file, tls, share)


def _broker(
    parts: SplitResult,
    host: str,
    port: int | None,
    password_file: Path | None,
    tls: BrokerTls | None,
    share: Sharing | None,
) -> Broker:
    said = {
        "host": host,
        "port": port,
        "prefix": unquote(parts.path.strip("/")) or Broker.model_fields["prefix"].default,
        "username": unquote(parts.username) if parts.username else None,
        "password_file": password_file,
        "tls": tls,
        "share": share,
    }
    try:
        return Broker.model_validate(said)
    except ValidationError as error:
        lines = []
        for one in error.errors(include_url=False):
            field = ".".join(map(str, one["loc"]))
            expected = one.get("ctx", {}).get("expected") or one["msg"]
            lines.append(f"--mqtt: {field}: found {shown(str(one['input']))}; expected {expected}")
        raise ProfileError(lines) from None


def tls_from(
    ca: Path | None, certificate: Path | None, key: Path | None, *, verify_host: bool = True
) -> BrokerTls | None:
    """TLS as options say it; None where none of them is given. Raises ProfileError."""
    if (certificate is None) != (key is None):
        given, other = ("cert", "key") if key is None else ("key", "cert")
        raise ProfileError([f"--mqtt-{given}: found it alone; expected --mqtt-{other} beside it"])
    if ca is None and certificate is None and verify_host:
        return None
    return BrokerTls(ca=ca, certificate=certificate, key=key, verify_host=verify_host)


def _wrong(url: str, reason: str = "") -> ProfileError:
    because = f" ({reason})" if reason else ""
    return ProfileError([f"--mqtt: found {shown(url)}{because}; expected {URL}"])
