"""The steps of an attestation that bring up an IDE stream in a session, and take it down again.

A device that refuses an object of IDE_KM does not answer it, which ends no session: here that is a
step that failed, and what follows goes on.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from emulator.ask.ide_km import PortInfo
from emulator.device.measured_state import StreamEntry, stream_entry
from emulator.errors import LinkError, PeerError
from emulator.link import Block, End, Stream, StreamState
from emulator.link.registers import ENABLE, stream_id
from emulator.requester.flow import Flow
from emulator.requester.ide import root_port
from emulator.requester.session import SecureSession
from emulator.requester.steps import Steps
from emulator.requester.traffic import read, write

_T = TypeVar("_T")
_STATE = 0xF
_WRITTEN = 64

BEFORE = ("ide query", "ide keys", "ide stream")
"""The steps before measurements are read."""

TRAFFIC = ("ide traffic",)
"""The step after those, where TLPs can be exchanged."""

AFTER = ("ide stop",)
"""The steps after that."""


@dataclass
class IdeSteps:
    """One stream of port 0: the first selective one, or the first link stream.

    Attributes:
        session: the session that the keys are brought in.
        steps: where the steps go.
        name: what their names begin with.
        root: the other end of the link, once the device has said what it is like.
        traffic: let TLPs go over the link.
        keyed: the Stream ID that has keys; None: none has.
    """

    session: SecureSession
    steps: Steps
    name: str
    traffic: bool = False
    root: End = field(default_factory=lambda: root_port(()))
    keyed: int | None = None

    def bring_up(self) -> Flow[None]:
        """QUERY, keys for both ends, and whether the stream is Secure at both."""
        query, keys, stream = (f"{self.name} {one}" for one in BEFORE)
        ide = self.session.ide
        told = yield from self._attempt(query, ide.query())
        if told is None:
            return
        blocks = sorted(told.blocks, key=lambda one: not one.selective)
        self.steps.judged(query, *_port(told), ok=bool(blocks))
        if not blocks:
            return
        number = stream_id(blocks[0].control)
        self.root = root_port(told.blocks)
        done = yield from self._attempt(keys, _done(ide.bring_up(self.root, stream=number)))
        if done is None:
            return
        self.keyed = number
        facts = {"stream": number, "key_set": "K0", "keys": 6}
        self.steps.passed(keys, "K0: PR, NPR and CPL, in both directions", facts)
        told = yield from self._attempt(stream, ide.query())
        if told is not None:
            self._judge(stream, number, told)
        if self.traffic:
            yield from self._exchange()

    def shown(self) -> list[StreamEntry]:
        """What a device that measures its link has to show of it."""
        return [stream_entry(0, one) for one in self.root.streams if one.secure or one.failed]

    def _exchange(self) -> Flow[None]:
        """A memory write through the stream, and the same bytes read back."""
        (name,) = (f"{self.name} {one}" for one in TRAFFIC)
        data = self.session.entropy.bytes(_WRITTEN, label="TLP")
        try:
            yield from write(self.root, 0, data)
            back = yield from read(self.root, 0, len(data))
        except (LinkError, PeerError) as error:
            self.steps.failed(name, str(error))
            return
        good = back == data
        detail = f"{len(data)} bytes written, and read back as they were"
        if not good:
            detail = f"{data.hex()} written, {back.hex()} read back"
        facts = {"written": data.hex(), "read": back.hex()}
        self.steps.judged(name, detail, facts, ok=good)

    def tear_down(self) -> Flow[None]:
        """K_SET_STOP for each key."""
        (name,) = (f"{self.name} {one}" for one in AFTER)
        if self.keyed is None:
            self.steps.skipped("there are no keys", name)
            return
        flow = self.session.ide.tear_down(self.root, stream=self.keyed)
        if (yield from self._attempt(name, _done(flow))):
            self.steps.passed(name, "the device has forgotten the keys")

    def _judge(self, step: str, number: int, told: PortInfo) -> None:
        """Whether the stream is Secure at both ends."""
        ours = self.root.stream(number)
        theirs = next(block for block in told.blocks if stream_id(block.control) == number)
        states = {
            "device": StreamState(theirs.status & _STATE).name
            if theirs.status & _STATE in {one.value for one in StreamState}
            else f"state {theirs.status & _STATE}",
            "root_port": StreamState.INSECURE.name if ours is None else ours.state.name,
        }
        good = set(states.values()) == {StreamState.SECURE.name}
        detail = f"stream {number} is Secure at both ends"
        if not good:
            detail = f"stream {number}: {_why(theirs, ours, states)}"
        facts = {"stream": number, "kind": _kind(theirs), **states}
        self.steps.judged(step, detail, facts, ok=good)

    def _attempt(self, name: str, flow: Flow[_T]) -> Flow[_T | None]:
        """Run `flow`; what the device does wrong fails the step `name`, and gives None."""
        try:
            return (yield from flow)
        except PeerError as error:
            self.steps.failed(name, str(error))
            return None


def _port(told: PortInfo) -> tuple[str, dict[str, object]]:
    """What QUERY_RESP says."""
    listed = [f"{_kind(block)} stream {stream_id(block.control)}" for block in told.blocks] or [
        "no stream"
    ]
    facts: dict[str, object] = {
        "port": told.port,
        "max_port": told.max_port,
        "function": told.function,
        "streams": [
            {
                "kind": _kind(block),
                "stream": stream_id(block.control),
                "enabled": bool(block.control & ENABLE),
            }
            for block in told.blocks
        ],
    }
    return f"port 0 of {told.max_port}, {told.function}: {', '.join(listed)}", facts


def _kind(block: Block) -> str:
    return "selective" if block.selective else "link"


def _why(theirs: Block, ours: Stream | None, states: dict[str, str]) -> str:
    if not theirs.control & ENABLE:
        return "its enable bit is not set at the device"
    said = [f"{state.capitalize()} at the {end.replace('_', ' ')}" for end, state in states.items()]
    return ", ".join(said) if ours is not None else said[0]


def _done(flow: Flow[None]) -> Flow[bool]:
    """True once `flow` is through."""
    yield from flow
    return True
