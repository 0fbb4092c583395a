"""What several values of one entry of a fleet together may be, and where its devices listen."""

from collections.abc import Iterator
from pathlib import Path

from emulator.faults import Rule
from emulator.forms.words import suggestion
from emulator.profile.armed import device_findings
from emulator.profile.faults import NAMED, preset_rules, presets
from emulator.profile.fleet.model import MAX_DEVICES, Devices
from emulator.profile.fleet.numbered import is_numbered, numbered
from emulator.profile.functions import socket_beside
from emulator.profile.load import LoadedProfile
from emulator.profile.rules import rule_findings
from emulator.profile.tree import Steps
from emulator.tcp import UNIX

LONGEST_PATH = 107
"""Bytes of a Unix socket's path, as Linux has it."""

Finding = tuple[Steps, str, str]
"""The way to the value, what is expected, and what was found ('' for the value itself)."""


def findings(devices: Devices, folder: Path, *, before: int) -> Iterator[Finding]:
    """What can be said of an entry before its profile is known; `before`: devices so far."""
    several = devices.count > 1
    total = before + devices.count
    if total > MAX_DEVICES:
        yield ("count",), f"at most {MAX_DEVICES}", f"{total} devices in all"
    if several and devices.name is not None and not is_numbered(devices.name):
        yield ("name",), "a name with {n} in it, as there are several devices", ""
    if devices.path is not None:
        if devices.port is not None or devices.host is not None:
            other = "port" if devices.port is not None else "host"
            yield ("path",), f"a path or a {other}", "both"
        if several and not is_numbered(devices.path):
            yield ("path",), "a path with {n} in it, as there are several devices", ""
        longest = socket_path(devices.path, devices.first + devices.count - 1, folder)
        size = len(longest.encode())
        if size > LONGEST_PATH:
            expect = f"a path of at most {LONGEST_PATH} bytes, which sockets have"
            yield ("path",), expect, f"{longest}, {size} bytes"
    for index, name in enumerate(devices.presets):
        if name not in presets():
            yield ("presets", index), NAMED + suggestion(name, presets()), ""


def rules_of(devices: Devices) -> tuple[Rule, ...]:
    """The fault rules of an entry, beside those of its profile."""
    return (*preset_rules(devices.presets), *devices.faults)


def fault_findings(devices: Devices, loaded: LoadedProfile) -> Iterator[Finding]:
    """What its faults ask of a device that it does not have, and names that are taken."""
    profile = loaded.profile
    own = (*preset_rules(profile.presets), *profile.faults)
    for index, name in enumerate(devices.presets):
        rules = preset_rules([name])
        for _, expect, was in (
            *rule_findings(rules, (), beside=own),
            *device_findings(rules, profile),
        ):
            yield ("presets", index), expect, was
    beside = (*own, *preset_rules(devices.presets))
    yield from rule_findings(devices.faults, ("faults",), beside=beside)
    for steps, expect, was in device_findings(devices.faults, profile):
        yield ("faults", *steps), expect, was


def name_of(devices: Devices, loaded: LoadedProfile, n: int) -> str:
    """What the device of the number `n` is called."""
    if devices.name is not None:
        return numbered(devices.name, n)
    name = loaded.profile.name
    return name if devices.count == 1 else f"{name}-{n}"


def socket_path(path: str, n: int, folder: Path) -> str:
    """The path of a socket, relative to the folder of the fleet's file."""
    return str(folder / numbered(path, n))


def place_of(devices: Devices, loaded: LoadedProfile, n: int, folder: Path) -> tuple[str, int]:
    """Where the device of the number `n` listens: a host, or `unix:PATH`, and a port."""
    listener = loaded.profile.listener
    if devices.path is not None:
        return UNIX + socket_path(devices.path, n, folder), 0
    if listener.path is not None and devices.port is None and devices.host is None:
        return UNIX + listener.path, 0
    first = listener.port if devices.port is None else devices.port
    step = (n - devices.first) * (1 + len(loaded.functions))
    return devices.host or listener.host, first + step if first else 0


def place_of_function(
    devices: Devices, loaded: LoadedProfile, function: str, at: tuple[str, int]
) -> tuple[str, int]:
    """Where a further function of a device listens, which itself listens `at` some place.

    It has the same distance from its device as in the profile, unless the entry says the port: then
    it counts up.
    """
    host, port = at
    own = loaded.functions[function].profile.listener
    if host.startswith(UNIX) and (own.path is None or devices.path is not None):
        return UNIX + socket_beside(host.removeprefix(UNIX), function), 0
    if own.path is not None:
        return UNIX + own.path, 0
    if not port:
        return devices.host or own.host, 0 if devices.port == 0 else own.port
    if devices.port is not None:
        return devices.host or own.host, port + 1 + list(loaded.functions).index(function)
    return devices.host or own.host, port + own.port - loaded.profile.listener.port
