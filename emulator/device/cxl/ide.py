"""The keys of CXL.cachemem's IDE: for each port and direction one in use, and one that waits.

Source: CXL Specification 3.1, sections 11.4.4 to 11.4.6, and 8.2.4.22 for the registers.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from emulator.spdm.session import Session

DEFAULT_IV = bytes.fromhex("00000080 00000000 01000000")
"""The default construction of the initial IV, as three DWORDs: the sub-stream 1000b on top of the
first, and a counter that starts at 1."""

_CAPABILITY = 0x07
"""CXL IDE, in skid and in containment mode."""
_SKID, _CONTAINMENT, _INSECURE = 0x2, 0x1, 0x4
_REGISTERS, _STATUS_AT, _TX_AT = 9, 2, 4


class CxlDirection(IntEnum):
    """Which way: bit 1 of a key sub-stream."""

    RX = 0
    TX = 1


@dataclass(frozen=True)
class CxlKey:
    """A key and the IV that goes with it; None: the default one."""

    key: bytes
    iv: bytes | None = None


@dataclass
class CxlPort:
    """A port.

    Attributes:
        pending: the keys that wait for K_SET_GO.
        active: the keys in use.
        containment: the mode that IDE is active in; None: it is not.
        generated: the key and the IV that the port has made itself, GET_KEY's last answer.
        queried: the session that has asked QUERY of it.
    """

    pending: dict[CxlDirection, CxlKey] = field(default_factory=dict)
    active: dict[CxlDirection, CxlKey] = field(default_factory=dict)
    containment: bool | None = None
    generated: CxlKey | None = None
    queried: Session | None = None

    def program(self, direction: CxlDirection, key: CxlKey) -> None:
        """KEY_PROG has succeeded."""
        self.pending[direction] = key

    def generate(self, key: CxlKey) -> None:
        """GET_KEY was answered with these."""
        self.generated = key

    def go(self, direction: CxlDirection, *, containment: bool) -> None:
        """K_SET_GO has succeeded."""
        self.active[direction] = self.pending.pop(direction)
        self.containment = containment

    def stop(self, direction: CxlDirection) -> None:
        """K_SET_STOP has succeeded."""
        del self.active[direction]
        if not self.active:
            self.containment = None

    def registers(self) -> tuple[int, ...]:
        """The CXL IDE Capability Structure, in DWORDs; what is not told of here is zero."""
        found = [0] * _REGISTERS
        found[0] = _CAPABILITY
        on = _CONTAINMENT if self.containment else _SKID
        rx, tx = (on if one in self.active else _INSECURE for one in CxlDirection)
        found[_STATUS_AT] = rx | tx << _TX_AT
        return tuple(found)


@dataclass
class CxlIde:
    """IDE of all ports.

    Attributes:
        max_port: the highest index of a port.
        generates_iv: its ports make an IV of their own.
        generates_key: its ports make keys of their own.
        drawn_iv: an IV that they make is drawn; otherwise it is the default one.
        stops: it knows K_SET_STOP.
        device_function, bus, segment: where the ports are.
        ports: the ports by their index.
        owner: the session that keys were programmed in.
    """

    max_port: int = 0
    generates_iv: bool = False
    generates_key: bool = False
    drawn_iv: bool = True
    stops: bool = True
    device_function: int = 0
    bus: int = 0
    segment: int = 0
    ports: dict[int, CxlPort] = field(default_factory=dict)
    owner: Session | None = None

    def port(self, index: int) -> CxlPort | None:
        """A port by its index; None: there is none."""
        if index > self.max_port:
            return None
        return self.ports.setdefault(index, CxlPort())

    def query(self, port: CxlPort, session: Session) -> None:
        """The session has asked for the port."""
        port.queried = session

    def claim(self, session: Session) -> None:
        """Keys were programmed in the session: until its end they are its alone."""
        if self.owner is not session:
            self.owner = session
            session.heirs.append(self._over)

    def _over(self, session: Session) -> None:
        if self.owner is session:
            self.reset()

    def reset(self) -> None:
        """No port has a key any more."""
        self.ports.clear()
        self.owner = None
