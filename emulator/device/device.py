"""A device: its personality, as a profile gives it, and what outlives its connections."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from emulator.crypto.keys import SigningKey
from emulator.device.changes import (
    CertificateChange,
    Change,
    InterfaceChange,
    MeasurementChange,
    Reset,
    Watcher,
)
from emulator.device.cxl import Cxl
from emulator.device.endpoint_info import DeviceClass
from emulator.device.happenings import happenings
from emulator.device.ide import Ide
from emulator.device.identity import PciIdentity
from emulator.device.limits import Limits
from emulator.device.measured_state import measure_state
from emulator.device.measurements import Measurements
from emulator.device.mutual import MutualAuthentication
from emulator.device.provisioning import Lasting, Provisioning
from emulator.device.sessions import Sessions
from emulator.device.slots import Slot
from emulator.device.tdi import Cause, Interface, Interfaces, Request
from emulator.device.timing import Timing
from emulator.entropy import Entropy
from emulator.spdm.agreement import Agreement
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection, Loss
from emulator.spdm.negotiation import Preferences
from emulator.spdm.stages import StagesOfDevice
from emulator.spdm.state import State
from emulator.spdm.versions import Version

QEMU_REPLY = 4608
"""The largest DOE object that QEMU takes as a reply, bytes: 0x1200 with its 8-byte header
(QEMU `backends/spdm-socket.c` with `hw/pci/pcie_doe.c`; a larger one desynchronises it)."""


@dataclass(frozen=True)
class Sizes:
    """What the device can send and take, bytes.

    Attributes:
        data_transfer: its DataTransferSize: the largest message it takes in one piece.
        max_message: its MaxSPDMmsgSize.
        transmit: the largest message it sends in one piece, whatever the requester offers.
        certificate_portion: the largest portion of a certificate chain; 0: as much as fits.
    """

    data_transfer: int = QEMU_REPLY - 8
    max_message: int = QEMU_REPLY - 8
    transmit: int = QEMU_REPLY - 8
    certificate_portion: int = 0


@dataclass
class Device:
    """One device; several connections may be attached to it at once.

    Attributes:
        name: what logs and reports call it.
        identity: its PCI registers.
        versions: the SPDM versions it offers, in the order it lists them.
        capabilities: its flags, before a version masks them.
        preferences: the algorithms it offers.
        slots: certificate slots by number, 0 to 7.
        public_keys: the keys whose public halves requesters were given beforehand (PUB_KEY_ID), by
            the signature algorithm they serve.
        measurements: what it measures.
        entropy: its source of randomness; every connection gets a fork.
        sizes: what it can send and take.
        timing: how long it takes.
        limits: how much of it a peer may take up.
        device_classes: what it says it is in ENDPOINT_INFO; none: what its identity says.
        challenge_opaque: opaque data of CHALLENGE_AUTH by opaque-data format (0: none agreed).
        measurement_opaque: opaque data of MEASUREMENTS, likewise.
        sessions: what it offers for sessions, and those it has.
        tdi: its TEE device interfaces; None: it has none.
        cxl: its CXL side; None: it has none.
        ide: its IDE, or None.
        provisioning: what peers may change about it for good; None: nothing.
        mutual: how requesters are to authenticate themselves.
        provisioned_agreement: what is taken as negotiated once a requester sent GET_VERSION alone.
        cached: the last negotiation, kept for later connections; only with CACHE.
        stages: what reaches into the replies of its connections, or None.
        parked: the connection a peer left to be taken up by the next one.
        connections: how many there were.
        resets: how often it was reset; a connection that notices forgets its state.
        loss: how they forget it.
        limited: how often a peer ran into each limit.
        watchers: who hears when something about it changes.
        shared: the measurements by index that it has in common with its other functions.
        functions: all functions of the physical device that this is one of; none: it is alone.
    """

    name: str
    identity: PciIdentity
    versions: tuple[Version, ...]
    capabilities: Cap
    preferences: Preferences
    slots: Mapping[int, Slot]
    measurements: Measurements
    entropy: Entropy
    sizes: Sizes = field(default_factory=Sizes)
    timing: Timing = field(default_factory=Timing)
    limits: Limits = field(default_factory=Limits)
    device_classes: tuple[DeviceClass, ...] = ()
    challenge_opaque: Mapping[int, bytes] = field(default_factory=dict)
    measurement_opaque: Mapping[int, bytes] = field(default_factory=dict)
    public_keys: Mapping[str, SigningKey] = field(default_factory=dict)
    mutual: MutualAuthentication = field(default_factory=MutualAuthentication)
    sessions: Sessions = field(default_factory=Sessions)
    tdi: Interfaces | None = None
    cxl: Cxl | None = None
    ide: Ide | None = None
    provisioning: Provisioning | None = None
    provisioned_agreement: Agreement | None = None
    cached: Agreement | None = None
    parked: Connection | None = None
    stages: StagesOfDevice | None = None
    connections: int = 0
    resets: int = 0
    loss: Loss = Loss.QUIET
    limited: Counter[str] = field(default_factory=Counter)
    watchers: list[Watcher] = field(default_factory=list)
    shared: frozenset[int] = frozenset()
    functions: list["Device"] = field(default_factory=list, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Hear of its own streams and interfaces."""
        self._watch_own()

    def _watch_own(self) -> None:
        if self.ide is not None:
            self.ide.watcher, self.ide.moved = self.tell, self._state_moved
        if self.tdi is not None:
            self.tdi.watch(self._interface_changed)

    def _interface_changed(self, one: Interface, what: Request | Cause) -> None:
        why = what.name if isinstance(what, Request) else what.value
        self.tell(InterfaceChange(one.function, one.state.name, why))
        self._state_moved()

    def _state_moved(self) -> None:
        """Measure what it is doing, where it does something else now."""
        for one, of in self.measurements.of_state():
            value = measure_state(of, self.ide, self.tdi)
            if value != one.value:
                self.measurements.change(one.index, value)
                self.tell(MeasurementChange(one.index, of_state=True))

    def provisioned(self, scheme: str) -> int:
        """The mask of slots that hold a chain for the signature algorithm `scheme`."""
        mask = 0
        for number, slot in self.slots.items():
            if scheme in slot.chains:
                mask |= 1 << number
        return mask

    def pre_shared(self, hint: bytes) -> bytes | None:
        """The pre-shared key of a hint: the device's own, or one it was handed for its memory."""
        key = self.sessions.keys.get(hint)
        if key is None and self.cxl is not None and self.cxl.target is not None:
            return self.cxl.target.keys.get(hint)
        return key

    def agreement(self, state: State) -> Agreement | None:
        """What a connection in `state` may go on from without negotiating it."""
        if state == State.NOT_STARTED:
            return self.cached
        return self.provisioned_agreement if state == State.AFTER_VERSION else None

    def reset(self, loss: Loss = Loss.QUIET) -> None:
        """Start anew: it measures, and knows nothing of what was agreed with anyone.

        Connections stay attached, and forget their state before their next request. It is the
        physical device that is reset, with all its functions.
        """
        for one in self.functions or (self,):
            one.begin_anew(loss)

    def begin_anew(self, loss: Loss = Loss.QUIET) -> None:
        """What a reset does to this function."""
        self._end_waiting()
        self.cached = None
        self.park(None)
        if self.tdi is not None:
            self.tdi.reset()  # before its streams go, so that it is known why
        self.sessions.end_all()
        if self.cxl is not None:
            self.cxl.reset()
        self._watch_own()  # with another personality it has others
        if self.ide is not None:
            self.ide.reset()
        self.measurements.reset()
        self.resets += 1
        self.loss = loss
        self.tell(Reset())

    def park(self, connection: Connection | None) -> None:
        """Keep a connection for the next peer; one that was kept before is over."""
        if self.parked is not None and self.parked is not connection:
            self.parked.end_sessions()
        self.parked = connection

    def change_measurement(self, index: int, value: bytes, *, pending: bool = False) -> None:
        """Give a measurement another value, now or (`pending`) with the next reset.

        One that functions have in common changes in all of them. Raises KeyError for an index there
        is not.
        """
        for one in self.measuring(index):
            one.change_own_measurement(index, value, pending=pending)

    def measuring(self, index: int) -> list["Device"]:
        """The functions in which a measurement changes with this one's: itself, and maybe more."""
        if index not in self.shared:
            return [self]
        others = [one for one in self.functions if one is not self and index in one.shared]
        return [self, *others]

    def change_own_measurement(self, index: int, value: bytes, *, pending: bool = False) -> None:
        """The same in this function alone. Raises KeyError for an index there is not."""
        if pending:
            self.measurements.prepare(index, value)
        else:
            self.measurements.change(index, value)
            self.sessions.end_at_update()
        self.tell(MeasurementChange(index, pending))

    def put_slots(self, held: Mapping[int, Slot | None]) -> None:
        """Let slots hold something else; None empties one."""
        slots = {**self.slots, **held}
        self.slots = {number: slot for number, slot in sorted(slots.items()) if slot is not None}
        if self.provisioning is not None:
            self.provisioning.rebase(held)
        for number in held:
            self.tell(CertificateChange(number))

    def provision(self, state: Lasting) -> None:
        """Go on with another lasting state."""
        provisioning = self.provisioning
        if provisioning is None:
            return
        provisioning.state = state
        before, self.slots = self.slots, provisioning.slots()
        for number in sorted(before.keys() | self.slots.keys()):
            if _shown(before.get(number)) != _shown(self.slots.get(number)):
                self.tell(CertificateChange(number))

    def _end_waiting(self) -> None:
        """What waited for a reset is done.

        What cannot be kept was told by who keeps it, and is done all the same: a reset cannot be
        refused.
        """
        provisioning = self.provisioning
        if provisioning is None:
            return
        state = provisioning.state.after_reset()
        if state == provisioning.state:
            return
        if provisioning.keep is not None:
            with suppress(OSError):
                provisioning.keep(provisioning.lasting(state))()
        self.provision(state)

    def tell(self, change: Change) -> None:
        """Tell the watchers, and the sessions that have subscribed, that something has changed."""
        for kind, detail in happenings(change, self.slots):
            self.sessions.tell(kind, detail)
        for watcher in self.watchers:
            watcher(change)

    def attach(self) -> tuple[int, Entropy]:
        """Count one more connection: its number, from 1, and its source of randomness."""
        self.connections += 1
        return self.connections, self.entropy.fork(f"connection {self.connections}")


def _shown(slot: Slot | None) -> dict[str, tuple[bytes, ...]]:
    """The certificates that a slot shows, by signature algorithm."""
    chains = {} if slot is None else slot.chains
    return {scheme: chain.certificates for scheme, chain in chains.items()}
