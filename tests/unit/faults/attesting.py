"""The project's own requester against a device with faults: in memory, on a clock of its own."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from emulator.ask import wait_asked
from emulator.client.drive import drive, unwrap
from emulator.client.socket import TIMEOUT
from emulator.device import Device
from emulator.endpoint import Close, Endpoint, Event, Faulted, Send, carried_out
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, FrameError, NoResponse, PeerError
from emulator.faults import Rule
from emulator.profile import LoadedProfile, build, load
from emulator.requester import DEFAULT, Offer, Requester, Verdict, attest, for_sessions
from emulator.requester.inside import Sessions
from emulator.spdm.capabilities import Cap
from emulator.transport.doe import DOE
from emulator.transport.spdm_socket import Command, Frame, FrameReader

AT = datetime(2026, 6, 1, tzinfo=UTC)

CHUNKS = Offer(capabilities=Cap.CHUNK, data_transfer_size=1024, max_message=65536)
"""A requester with a small buffer, so that large replies come in chunks."""

SECURE = for_sessions(DEFAULT, Cap.KEY_EX | Cap.PSK)
"""A requester that opens sessions, their handshake encrypted."""

OFFERS = {
    "gpu": CHUNKS,
    "secure-session": SECURE,
    "finish-proves-nothing": for_sessions(DEFAULT, Cap.KEY_EX | Cap.HANDSHAKE_IN_THE_CLEAR),
}
"""What the requester offers for some presets, or to devices of some profiles; else the default."""

KEYS = {b"TestPskHint\0": b"TestPskData\0"}
"""The pre-shared keys of profiles that have some."""


@cache
def loaded(profile: str) -> LoadedProfile:
    """A ready profile."""
    return load(profile, at=AT)


def built(profile: str, rules: Sequence[Rule] = (), *, seed: str = "device") -> Device:
    """A device of a ready profile with these rules beside its own."""
    return build(loaded(profile), entropy=Seeded(seed), at=AT, rules=rules)


def roots(device: Device) -> tuple[bytes, ...]:
    """The roots of its chains."""
    return tuple({chain.root for slot in device.slots.values() for chain in slot.chains.values()})


class Conversation:
    """One connection to a device, as a channel for the requester.

    Attributes:
        received: every byte that came from the device.
        fired: what the device's log says of faults.
        now: the time, which passes while replies are held back and nowhere else.
    """

    binding = DOE

    def __init__(self, device: Device, now: float = 0.0) -> None:
        self.received = b""
        self.fired: list[str] = []
        self.now = now
        self._endpoint = Endpoint(device, observer=self._hear)
        self._frames = FrameReader()
        self._broken = ""

    def _hear(self, event: Event) -> None:
        if isinstance(event, Faulted):
            self.fired.append(str(event.fault))

    async def exchange(self, payload: bytes) -> bytes:
        """What `SocketChannel.exchange` does, without a socket and without waiting."""
        if self._broken:
            raise NoResponse(self._broken)
        asked = Frame(Command.NORMAL, DOE.transport, payload)
        deadline = self.now + TIMEOUT
        found: list[Frame] = []
        try:
            actions = self._endpoint.receive(asked.to_bytes(), self.now)
            for action in carried_out(self._endpoint, actions, self.now):
                if action.not_before > deadline:
                    break
                self.now = max(self.now, action.not_before)
                if isinstance(action, Close):
                    self._broken = "the device closed the connection"
                elif isinstance(action, Send):
                    self.received += action.data
                    found += self._frames.feed(action.data)
        except FrameError as error:
            self._broken = str(error)
            raise PeerError(self._broken) from error
        if not found:
            self._broken = self._broken or "no reply in time"
            raise NoResponse(self._broken)
        [reply] = found
        if (reply.command, reply.transport) != (asked.command, asked.transport):
            raise BrokenReply("frame", "header", found=reply[:2], expected=asked[:2])
        if not reply.payload:
            raise NoResponse("the device gave no response (an empty frame)")
        with contextlib.suppress(PeerError):  # what cannot be unwrapped asks for no time
            self.now += wait_asked(unwrap(reply.payload, DOE))
        return reply.payload

    async def close(self) -> None:
        """Leave; nobody else is there."""
        self._endpoint.left("the requester left")

    def attest(self, device: Device, offer: Offer = DEFAULT, *, seed: str = "host") -> Verdict:
        """The requester's verdict on the device, by the roots it shows and its own name."""
        flow = attest(
            Requester(Seeded(seed), offer),
            trust=roots(device),
            at=AT,
            expected_san=device.identity.san,
            sessions=Sessions(
                key_exchange=Cap.KEY_EX in offer.capabilities,
                psk=KEYS if Cap.PSK in offer.capabilities else {},
            ),
        )
        return asyncio.run(drive(flow, self))
