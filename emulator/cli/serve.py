"""`spdm-emulator serve`: devices on a socket."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count as numbers
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.controlled import ControlSocket, emulator_name
from emulator.cli.fleet import broker_of, control_of, devices_or_exit, fleet_of
from emulator.cli.formats import RecordFormat
from emulator.cli.keylog import keep_secrets
from emulator.cli.mqtt import (
    EmulatorName,
    FleetName,
    MqttCa,
    MqttCert,
    MqttKey,
    MqttPasswordFile,
    MqttRoom,
    MqttShare,
    MqttUrl,
    mqtt_or_exit,
)
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
from emulator.cli.recording import RecordingWanted
from emulator.cli.serving import Counts, Serving, serve_call
from emulator.control.workers import Bounds
from emulator.device import Device
from emulator.faults import Rule
from emulator.profile.fleet.model import MAX_WORKERS
from emulator.profile.functions import socket_beside
from emulator.profile.recipe import Recipe
from emulator.record import LIMIT
from emulator.serve.fleet import FleetError, Served, keep_state
from emulator.serve.limits import raise_descriptor_limit
from emulator.serve.run import ListenError
from emulator.serve.shutdown import GRACE
from emulator.tcp import UNIX, address

_LAST_PORT = 65535
_MIB = 1 << 20


@dataclass(frozen=True)
class _Where:
    """Where devices listen, as the command line says; None: as their profiles say."""

    host: str | None
    port: int | None
    unix: str | None


def _devices(
    profiles: list[str],
    sets: list[str],
    where: _Where,
    seed: str,
    rules: Sequence[Rule],
    state: Path | None,
) -> list[Served]:
    """The devices of the profiles, and their addresses: ports count up from the first."""
    host, port, unix = where.host, where.port, where.unix
    if unix is not None and (host is not None or port is not None or len(profiles) > 1):
        fail("--unix takes one profile and neither --host nor --port", code=WRONG_USE)
    now = datetime.now(UTC)
    loaded = [load_or_exit(profile, sets, at=now) for profile in profiles]
    first = loaded[0].profile.listener.port if port is None else port
    count = sum(1 + len(one.functions) for one in loaded)
    if first and first + count - 1 > _LAST_PORT:
        fail(
            f"{count} devices from port {first} on do not fit below {_LAST_PORT}",
            code=WRONG_USE,
        )
    made: dict[str, Served] = {}
    ports = numbers(first)
    for number, (profile, one) in enumerate(zip(profiles, loaded, strict=True)):
        device = build_or_exit(one, entropy_of(seed, f"device {number}"), at=now, rules=rules)
        device.name = _unused(device.name, made)
        name = device.name if device.name != one.profile.name else ""
        recipe = Recipe(profile, tuple(sets), tuple(rules), name)
        served = Served(recipe, one, device, state=state)
        listener = one.profile.listener
        path = listener.path if (host, port, unix) == (None, None, None) else unix
        if path is None:
            served.host, served.port = host or listener.host, next(ports) if first else 0
        else:
            served.host = UNIX + path
        made[device.name] = served
        for part in recipe.of_functions(one, device.name):
            its = part.part_of(one)
            entropy = entropy_of(seed, f"device {number}/{part.function}")
            function = build_or_exit(its, entropy, at=now, rules=rules)
            function.name = part.name
            further = Served(part, its, function, state=state, of=device.name)
            own, counted = its.profile.listener, next(ports) if first else 0
            if unix is not None:
                further.host = UNIX + socket_beside(unix, part.function)
            elif own.path is not None and host is None and port is None:
                further.host = UNIX + own.path
            else:
                # As its profile says where the device itself listens as that says.
                further.host = host or own.host
                further.port = own.port if port is None and number == 0 else counted
            made[part.name] = further
    return list(made.values())


def _unused(name: str, taken: Container[str]) -> str:
    """`name`, or with a number behind it that nobody has."""
    if name not in taken:
        return name
    return next(one for one in (f"{name}-{n}" for n in numbers(2)) if one not in taken)


def _describe(device: Device) -> dict[str, object]:
    """What the ready line says of a device."""
    return {
        "device": device.name,
        "versions": [version.text for version in device.versions],
        "asym": [row.name for row in device.preferences.asym],
        "san": device.identity.san,
    }


def _tell(device: Device, event: str, host: str, port: int, *, seed: str, as_json: bool) -> None:
    """Tell that a device is there: it listens at an address, or has connected to one.

    The event `link` is about the socket that the device's link goes over.
    """
    about = _describe(device)
    if as_json:
        print_json({"event": event, **about, "host": host, "port": port, "seed": seed}, indent=None)
        return
    if event == "link":
        stdout().print(f"{device.name} has its link on {address(host, port)}", markup=False)
        return
    versions = ", ".join(version.text for version in device.versions)
    told = "connected to" if event == "connected" else "listening on"
    stdout().print(f"{device.name} {told} {address(host, port)} (SPDM {versions})", markup=False)


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
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep what requesters provision in this folder, one below it for each device.",
        ),
    ] = None,
    fault: FaultNames = None,
    faults: FaultFiles = None,
    require_fired: RequireFired = False,
    control: ControlSocket = None,
    name: EmulatorName = None,
    mqtt: MqttUrl = None,
    mqtt_password_file: MqttPasswordFile = None,
    mqtt_ca: MqttCa = None,
    mqtt_cert: MqttCert = None,
    mqtt_key: MqttKey = None,
    mqtt_share: MqttShare = False,
    mqtt_room: MqttRoom = None,
    fleet_name: FleetName = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_WORKERS,
            help="Processes that share the devices, for more than one processor; default: one, or"
            " as the fleet file says.",
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record every conversation; see `show` and `replay`."),
    ] = None,
    keylog: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Append the secrets of sessions, for `show --keylog`; who has them reads all.",
        ),
    ] = None,
    record_format: Annotated[
        RecordFormat | None,
        typer.Option(help="Format of the recording; default: by its suffix, else pcapng."),
    ] = None,
    record_limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="MIB",
            help="Size at which a recording ends; devices go on. Default: as the fleet file says,"
            f" or {LIMIT // _MIB}.",
        ),
    ] = None,
    max_connections: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Connections to all devices at once; default: as many as fit."
        ),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Time for replies under way to leave at the end."
        ),
    ] = GRACE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Serve devices until interrupted.

    A line on stdout tells each device's address once it listens. With several profiles the ports
    count up from the first. A fleet file has many devices, and says where each listens; it is read
    again on SIGHUP. SIGTERM and SIGINT end it once the replies under way have left, a second one
    at once.
    """
    raise_descriptor_limit()
    chosen = entropy_of(seed)
    rules = rules_or_exit(fault, faults)
    where = _Where(host, port, unix)
    chosen_profiles = profiles or ["nvme-ssd"]
    file = fleet_of(
        *(chosen_profiles, sets or [], rules, chosen),
        elsewhere=where != _Where(None, None, None),
        state=state,
    )
    if file is None:
        devices = _devices(chosen_profiles, sets or [], where, chosen.seed, rules, state)
    else:
        devices = devices_or_exit(file)
    if keylog is not None:
        if file is not None or workers is not None:
            fail("--keylog takes profiles, no fleet file, nor --workers", code=WRONG_USE)
        try:
            keep_secrets(keylog, [served.device for served in devices])
        except OSError as error:
            fail(f"{keylog}: cannot be written: {error.strerror or error}", code=WRONG_USE)
    if not as_json:
        stderr().print(f"seed {chosen.seed} (repeat with --seed)", style="dim", markup=False)
    broker = mqtt_or_exit(
        mqtt,
        mqtt_password_file,
        (mqtt_ca, mqtt_cert, mqtt_key),
        share=mqtt_share,
        room=mqtt_room,
        fleet=fleet_name or (file.loaded.name if file is not None else None),
    )
    if file is not None:
        said = file.loaded.file
        control, workers = control or control_of(file), workers or said.workers
        max_connections = max_connections or said.limits.connections
        broker = broker or broker_of(file, fleet_name)
    largest = LIMIT if file is None else file.loaded.file.limits.recording
    told = partial(_tell, seed=chosen.seed, as_json=as_json)
    wanted = RecordingWanted(
        record, record_format, record_limit * _MIB if record_limit else largest
    )
    try:
        if role_inquiry is not None:
            if len(devices) > 1 or where != _Where(None, None, None) or workers is not None:
                expect = "one profile and no other address, no further functions, nor --workers"
                fail(f"--role-inquiry takes {expect}", code=WRONG_USE)
            target = address_or_exit(role_inquiry)
            with keep_state(devices[0]):
                counts = serve_call(devices[0].device, target, told, wanted, grace)
        else:
            serving = Serving(
                name=name or emulator_name(),
                devices=devices,
                file=file,
                control=control,
                broker=broker,
                workers=workers or 1,
                told=told,
                recording=wanted,
                bounds=Bounds(max_connections, grace),
            )
            counts = serving.run()
    except (FleetError, ListenError) as error:
        hint = "; choose another with --port or --unix" if isinstance(error, ListenError) else ""
        fail(f"{error}{hint}", code=WRONG_USE)
    raise typer.Exit(_account(counts, required=require_fired))


def _account(counts: Counts, *, required: bool) -> int:
    """Tell how often each rule of each device reached in; the exit code.

    It is 1 if one never did and all must.
    """
    code = GOOD
    for device, rules in counts.items():
        for name, count in rules.items():
            stderr().print(f"{device}: fault {name}: {count} times", markup=False)
        never = ", ".join(name for name, count in rules.items() if not count)
        if required and never:
            stderr().print(f"{device}: never fired: {never}", style="red", markup=False)
            code = FAILED
    return code
