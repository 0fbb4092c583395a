"""Devices with faults in sessions, as our requester and a raw client meet them."""

from typing import Any

from hosting import BOTH, SecureHost, offering
from secured import REQUESTER, Wire, able_device

from emulator.device import Device
from emulator.endpoint import Event, Faulted
from emulator.entropy import Seeded
from emulator.faults import Rule, arm
from emulator.requester import SecureSession
from emulator.spdm.capabilities import Cap
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE


def rule(do: Any, on: dict[str, Any] | None = None, **more: Any) -> Rule:
    """A rule of one effect on the first connection, as a file would have it."""
    told = {"name": "r", "on": {"connection": 1, **(on or {})}, "do": [do], **more}
    made = Rule.model_validate(told)
    assert not list(made.problems())
    return made


def armed(*rules: Rule, capabilities: Cap | None = None) -> Device:
    """A device that opens sessions, with these rules."""
    held = able_device() if capabilities is None else able_device(capabilities=capabilities)
    arm(held, rules, Seeded("faults"))
    return held


def hosted(
    *rules: Rule, to: Device | None = None, how: Cap = BOTH, binding: Binding = DOE
) -> SecureHost:
    """A requester on a new connection of a device with these rules."""
    held = to or armed(*rules)
    return SecureHost(held, offer=offering(how), binding=binding).connected()


def wired(
    *rules: Rule, to: Device | None = None, clear: bool = False, binding: Binding = DOE
) -> Wire:
    """A raw client of a device with these rules."""
    flags = REQUESTER | (Cap.HANDSHAKE_IN_THE_CLEAR if clear else Cap(0))
    return Wire(to or armed(*rules), flags=flags, binding=binding)


def fired(events: list[Event]) -> list[str]:
    """What the device's log says of faults, without the rule's name."""
    return [f"{e.fault.stage}: {e.fault.what}" for e in events if isinstance(e, Faulted)]


def use(host: SecureHost, session: SecureSession) -> None:
    """All that is asked in a session, to its end."""
    host.run(session.heartbeat())
    host.run(session.measurements(1))
    host.run(session.update_keys())
    host.run(session.measurements(1))
    host.run(session.end_session())


def clean(to: Device, *, how: Cap = BOTH, binding: Binding = DOE) -> None:
    """Nothing is wrong on a connection that follows."""
    host = hosted(to=to, how=how, binding=binding)
    use(host, host.session())
    if how & Cap.PSK:
        use(host, host.psk_session())
    assert not fired(host.events)
