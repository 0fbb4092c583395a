"""`spdm-emulator serve`: devices on a socket."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.fleet import fleet_places
from emulator.cli.options import (
    FaultFiles,
    FaultNames,
    RequireFired,
    Seed,
    Sets,
    address_or_exit,
    build_or_exit,
    entropy_of,
    load_or_exit,
    rules_or_exit,
)
from emulator.cli.output import FAILED, GOOD, WRONG_USE, fail, print_json, stderr, stdout
from emulator.cli.recording import RecordFormat, recorded_endpoints
from emulator.device import Device
from emulator.faults import Faults, Rule
from emulator.profile.fleet import is_fleet
from emulator.record import LIMIT
from emulator.serve.run import ListenError, Place
from emulator.serve.run import serve as serve_until_stopped
from emulator.tcp import UNIX, address

_LAST_PORT = 65535
_MIB = 1 << 20


def _places(
    profiles: list[str],
    sets: list[str],
    host: str | None,
    port: int | None,
    unix: str | None,
    seed: str,
    rules: Sequence[Rule] = (),
) -> list[Place]:
    """The devices of the profiles, and their addresses: ports count up from the first."""
    if unix is not None and (host is not None or port is not None or len(profiles) > 1):
        fail("--unix takes one profile and neither --host nor --port", code=WRONG_USE)
    if any(map(is_fleet, profiles)):
        if len(profiles) > 1 or (host, port, unix) != (None, None, None):
            fail(
                "a fleet file stands alone, and says itself where its devices listen: it takes no"
                " other profile, nor --host, --port or --unix",
                code=WRONG_USE,
            )
        return fleet_places(profiles[0], sets, seed, rules)
    now = datetime.now(UTC)
    loaded = [load_or_exit(profile, sets, at=now) for profile in profiles]
    first = loaded[0].profile.listener.port if port is None else port
    if first and first + len(loaded) - 1 > _LAST_PORT:
        fail(
            f"{len(loaded)} devices from port {first} on do not fit below {_LAST_PORT}",
            code=WRONG_USE,
        )
    places: list[Place] = []
    for number, one in enumerate(loaded):
        device = build_or_exit(one, entropy_of(seed, f"device {number}"), at=now, rules=rules)
        listener = one.profile.listener
        path = listener.path if host is None and port is None and unix is None else unix
        if path is None:
            places.append(Place(device, host or listener.host, first + number if first else 0))
        else:
            places.append(Place(device, UNIX + path, 0))
    return places


def _calling(places: list[Place], target: str, *, alone: bool) -> Place:
    """The one device that is to connect to a requester."""
    if not alone or len(places) > 1:
        fail("--role-inquiry takes one profile and no other address", code=WRONG_USE)
    to_host, to_port = address_or_exit(target)
    return replace(places[0], host=to_host, port=to_port, calls=True)


def _describe(device: Device) -> dict[str, object]:
    """What the ready line says of a device."""
    return {
        "device": device.name,
        "versions": [version.text for version in device.versions],
        "asym": [row.name for row in device.preferences.asym],
        "san": device.identity.san,
    }


def serve(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROFILE]...", help="Ready profile's name, or a file; or one fleet file."
        ),
    ] = None,
    *,
    host: Annotated[str | None, typer.Option(help="Address; default: the profile's.")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="First port; 0 lets the system choose.", min=0, max=_LAST_PORT),
    ] = None,
    unix: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="A Unix socket to listen on instead of TCP."),
    ] = None,
    role_inquiry: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Connect to a requester that listens there, by a Role-Inquiry of SPDM over TCP,"
            " and serve that connection alone.",
        ),
    ] = None,
    seed: Seed = None,
    sets: Sets = None,
    fault: FaultNames = None,
    faults: FaultFiles = None,
    require_fired: RequireFired = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record every conversation; see `show` and `replay`."),
    ] = None,
    record_format: Annotated[
        RecordFormat | None,
        typer.Option(help="Format of the recording; default: by its suffix, else pcapng."),
    ] = None,
    record_limit: Annotated[
        int,
        typer.Option(min=1, metavar="MIB", help="Size at which a recording ends; devices go on."),
    ] = LIMIT // _MIB,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Serve devices until interrupted.

    A line on stdout tells each device's address once it listens. With several profiles the ports
    count up from the first. A fleet file has many devices, and says where each listens.
    """
    chosen = entropy_of(seed)
    rules = rules_or_exit(fault, faults)
    places = _places(profiles or ["nvme-ssd"], sets or [], host, port, unix, chosen.seed, rules)
    if role_inquiry is not None:
        places = [_calling(places, role_inquiry, alone=(host, port, unix) == (None, None, None))]

    def ready(place: Place, at_host: str, at_port: int) -> None:
        about = _describe(place.device)
        event, told = (
            ("connected", "connected to") if place.calls else ("listening", "listening on")
        )
        if as_json:
            print_json(
                {
                    "event": event,
                    **about,
                    "host": at_host,
                    "port": at_port,
                    "seed": chosen.seed,
                },
                indent=None,
            )
            return
        versions = ", ".join(version.text for version in place.device.versions)
        stdout().print(
            f"{place.device.name} {told} {address(at_host, at_port)} (SPDM {versions})",
            markup=False,
        )

    if not as_json:
        stderr().print(f"seed {chosen.seed} (repeat with --seed)", style="dim", markup=False)
    try:
        with recorded_endpoints(record, record_format, record_limit * _MIB) as endpoint:
            asyncio.run(serve_until_stopped(places, ready, endpoint=endpoint))
    except ListenError as error:
        fail(f"{error}; choose another with --port or --unix", code=WRONG_USE)
    raise typer.Exit(_account([place.device for place in places], required=require_fired))


def _account(devices: Sequence[Device], *, required: bool) -> int:
    """Tell how often each rule reached in; the exit code, 1 if one never did and all must."""
    code = GOOD
    for device in devices:
        faults = device.stages
        if not isinstance(faults, Faults):
            continue
        for name, count in faults.counts.items():
            stderr().print(f"{device.name}: fault {name}: {count} times", markup=False)
        if required and faults.unfired:
            never = ", ".join(faults.unfired)
            stderr().print(f"{device.name}: never fired: {never}", style="red", markup=False)
            code = FAILED
    return code
