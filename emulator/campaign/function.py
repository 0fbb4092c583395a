"""One mailbox of a device that a test has: what passed there, and what the test makes of it."""

import threading
from collections.abc import Mapping, Sequence
from glob import escape
from typing import Any

from emulator.campaign.watch import LAST, Heard, Watch
from emulator.control.client import ControlClient
from emulator.control.operation import find
from emulator.endpoint import Event, Observer
from emulator.faults import Faults
from emulator.forms.words import counted, listed, shown, suggestion
from emulator.requester import Direction
from emulator.serve.fleet import Fleet, Served
from emulator.spdm.codes import Code
from emulator.tcp import address

PATIENCE = 10.0
"""Seconds that `wait` waits where nothing else is said."""

HOST = "127.0.0.1"
_NAMES = tuple(code.name for code in Code)


class HostedFunction:
    """A function of a device that listens.

    Attributes:
        host: where it listens.
        port: where it listens.
        seed: the seed of everything it draws.
        control: the device's control socket, for `ctl` and other programs.
    """

    def __init__(self, served: Served, *, seed: str = "") -> None:
        self.seed = seed
        self.host, self.port = HOST, 0
        self._served = served
        self._control: ControlClient | None = None
        self.control = ""
        self._happened = threading.Condition()
        self._watch = Watch(self._happened.notify_all)
        served.observe = self._observe

    async def listen(self, fleet: Fleet, control: str) -> None:
        """Listen with the fleet, whose control socket is at a path. Raises OSError."""
        await fleet.start(self._served)
        self.host, self.port = self._served.bound or (HOST, 0)
        self.control = control

    def leave(self) -> None:
        """Close the connection to the control socket."""
        if self._control is not None:
            self._control.close()

    @property
    def name(self) -> str:
        """What it is called, such as gpu or gpu/vf1."""
        return self._served.name

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return address(self.host, self.port)

    @property
    def conversation(self) -> list[Heard]:
        """The messages so far on all connections, oldest first."""
        with self._happened:
            return list(self._watch.conversation)

    @property
    def connections(self) -> int:
        """How many connections there were."""
        return self._watch.connections

    @property
    def fired(self) -> dict[str, int]:
        """How often each fault rule reached in, by its name."""
        faults = self._served.device.stages
        return dict(faults.counts) if isinstance(faults, Faults) else {}

    @property
    def errors(self) -> dict[str, int]:
        """How many ERRORs were sent, by the names of their codes."""
        with self._happened:
            return dict(self._watch.errors)

    @property
    def retries(self) -> int:
        """How many requests came again after Busy or ResponseNotReady."""
        return self._watch.retries

    def call(self, operation: str, **arguments: Any) -> Any:
        """Carry out an operation of live control on this function; its result.

        It is done when this returns: the next request meets it, on open connections too. Raises
        ControlError.
        """
        if self._control is None:
            self._control = ControlClient(self.control)
        if find(operation).of_devices:
            arguments.setdefault("devices", [escape(self._served.name)])
        return self._control.call(operation, **arguments)

    def arm(self, *presets: str, rules: Sequence[Mapping[str, object]] = ()) -> None:
        """Arm faults: presets by their names, and rules as the fixture takes them.

        Raises ControlError.
        """
        self.call("faults.add", presets=list(presets), rules=[dict(rule) for rule in rules])

    def clear(self, *names: str) -> None:
        """Clear faults, or all of them. Raises ControlError."""
        self.call("faults.clear", names=list(names) or None)

    def measure(self, index: int, value: str | bytes) -> None:
        """Give a measurement another value, before any digest. Raises ControlError."""
        given = {"text": value} if isinstance(value, str) else {"hex": value.hex()}
        self.call("measurement.change", index=index, **given)

    def reset(self, *, resynch: bool = False) -> None:
        """Reset the device; `resynch`: requesters are told. Its connections stay."""
        self.call("device.reset", resynch=resynch)

    def count(self, name: str) -> int:
        """How many messages of this name passed, either way. Raises ValueError for no name."""
        if name not in _NAMES:
            text = f"found {shown(name)}; expected {listed(_NAMES)}{suggestion(name, _NAMES)}"
            raise ValueError(text)
        with self._happened:
            return self._watch.count(name)

    def asked(self, name: str) -> bool:
        """Whether the requester sent a request of this name."""
        return self._passed(name, Direction.REQUEST)

    def reached(self, name: str) -> bool:
        """Whether the device sent a reply of this name."""
        return self._passed(name, Direction.REPLY)

    def _passed(self, name: str, direction: Direction) -> bool:
        reply_bit = 0x80
        if name in _NAMES and (Code[name] >= reply_bit) is not (direction is Direction.REQUEST):
            raise ValueError(f"found {name}; expected the name of a {direction}")
        return self.count(name) > 0

    def wait(self, name: str, *, count: int = 1, timeout: float = PATIENCE) -> Heard:
        """The message of this name, the `count`-th of them: it may be still to come.

        Raises AssertionError with the conversation if it does not come in `timeout` seconds.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        with self._happened:
            if self._happened.wait_for(lambda: self.count(name) >= count, timeout):
                found = [heard for heard in self._watch.conversation if heard.name == name]
                return found[max(0, count - 1 - self.count(name) + len(found))]
        raise AssertionError(f"no {name} (number {count}) in {timeout:g} s\n{self.text}")

    @property
    def text(self) -> str:
        """The conversation for a person: a line a message, the last of them."""
        heard = self.conversation
        told = [one.text for one in heard[-LAST:]] or ["nothing was asked"]
        if len(heard) > LAST:
            told.insert(0, f"({len(heard) - LAST} messages before)")
        head = f"{self._served.name} at {self.address}, seed {self.seed}"
        fired = [f"fault {name}: {counted(count, 'time')}" for name, count in self.fired.items()]
        return "\n".join([head, *told, *fired])

    def __repr__(self) -> str:
        names = " ".join(heard.error or heard.name for heard in self.conversation[-LAST:])
        return f"<device {self._served.name}: {names or 'nothing was asked'}>"

    def _observe(self, number: int) -> Observer:
        """The observer of a connection, which the test's thread may ask at the same time."""
        observer = self._watch.observe(number)

        def observe(event: Event) -> None:
            with self._happened:
                observer(event)

        return observe
