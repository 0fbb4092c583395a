"""The options of `serve` that are about MQTT, and what they turn into."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.controlled import Carrier, now
from emulator.cli.output import WRONG_USE, fail
from emulator.control.mqtt import Bridge, Dialer, bridged
from emulator.control.mqtt.sharing import Places
from emulator.control.port import Control
from emulator.errors import ProfileError
from emulator.profile.broker import URL, Broker, Sharing, from_url, tls_from

_PANEL = "MQTT"

MqttUrl = Annotated[
    str | None,
    typer.Option("--mqtt", metavar="URL", help=f"A broker: {URL}.", rich_help_panel=_PANEL),
]
MqttPasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--mqtt-password-file",
        metavar="FILE",
        envvar="SPDM_EMULATOR_MQTT_PASSWORD_FILE",
        help="A file with the user's password as its first line.",
        rich_help_panel=_PANEL,
    ),
]
MqttCa = Annotated[
    Path | None,
    typer.Option(
        "--mqtt-ca",
        metavar="FILE",
        help="The authority of the broker's certificate, PEM; default: those of the system.",
        rich_help_panel=_PANEL,
    ),
]
MqttCert = Annotated[
    Path | None,
    typer.Option(
        "--mqtt-cert", metavar="FILE", help="A client certificate, PEM.", rich_help_panel=_PANEL
    ),
]
MqttKey = Annotated[
    Path | None,
    typer.Option("--mqtt-key", metavar="FILE", help="Its key, PEM.", rich_help_panel=_PANEL),
]
MqttShare = Annotated[
    bool,
    typer.Option(
        "--mqtt-share",
        help="Share the devices with the other emulators of the fleet: each is served by one.",
        rich_help_panel=_PANEL,
    ),
]
MqttRoom = Annotated[
    int | None,
    typer.Option(
        "--mqtt-room",
        min=0,
        metavar="N",
        help="With --mqtt-share: how many devices to take; default: as many as come.",
        rich_help_panel=_PANEL,
    ),
]
FleetName = Annotated[
    str | None,
    typer.Option(
        "--fleet-name",
        metavar="NAME",
        help="What topics call the fleet; default: default.",
        rich_help_panel=_PANEL,
    ),
]
EmulatorName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="What events and topics call this emulator; default: host and process.",
    ),
]

DEFAULT_FLEET = "default"


@dataclass(frozen=True)
class Mqtt:
    """Where events go and commands come from.

    Attributes:
        dialer: the broker.
        fleet: what the fleet is called there.
    """

    dialer: Dialer
    fleet: str

    @property
    def shared(self) -> bool:
        """Whether devices are served only as they are handed out."""
        return self.dialer.broker.share is not None

    def carrier(self, emulator: str, places: Places | None = None) -> Carrier:
        """What carries control to the broker; `places` has the devices of a shared fleet."""

        def begin(control: Control) -> AbstractAsyncContextManager[object]:
            bridge = Bridge(
                control,
                self.dialer,
                fleet=self.fleet,
                emulator=emulator,
                clock=now,
                places=places,
            )
            return bridged(bridge)

        return begin


def mqtt_or_exit(
    url: str | None,
    password_file: Path | None,
    tls: tuple[Path | None, Path | None, Path | None],
    *,
    share: bool,
    room: int | None,
    fleet: str | None,
) -> Mqtt | None:
    """What the options say; None without a URL. Exits with every problem."""
    if url is None:
        if share or room is not None or password_file or any(tls):
            fail(f"options of MQTT without a broker: give it by --mqtt {URL}", code=WRONG_USE)
        return None
    if room is not None and not share:
        fail("--mqtt-room goes with --mqtt-share", code=WRONG_USE)
    try:
        broker = from_url(
            url,
            password_file=password_file,
            tls=tls_from(*tls),
            share=Sharing(room=room) if share else None,
        )
        return broker_or_exit(broker, fleet or DEFAULT_FLEET)
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE)


def broker_or_exit(broker: Broker, fleet: str) -> Mqtt:
    """A broker with its files read, or an exit with every problem."""
    try:
        return Mqtt(Dialer(broker), fleet)
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE)
