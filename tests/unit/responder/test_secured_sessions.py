"""Sessions of a device through its endpoint: opened, used and ended by every means."""

import pytest
from devices import get_certificate, get_digests, get_measurements
from secured import (
    BY_KEY,
    BY_PSK,
    REQUESTER,
    Inside,
    Opening,
    Wire,
    plain,
)

from emulator.spdm.capabilities import Cap
from emulator.spdm.session import Phase
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

VERSIONS = (0x11, 0x12, 0x13, 0x14)
every_version = pytest.mark.parametrize("version", VERSIONS)
every_way = pytest.mark.parametrize("opening", [BY_KEY, BY_PSK], ids=["key", "psk"])
every_binding = pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)


def use(session: Inside) -> None:
    """Ask all there is to ask inside, and end it."""
    version = session.wire.version
    assert session.good(plain(version, 0xE8)) == plain(version, 0x68)
    assert session.update(2) == plain(version, 0x69, 2, 7)
    assert session.update(3) == plain(version, 0x69, 3, 7)
    assert session.update(1, tag=9) == plain(version, 0x69, 1, 9)
    assert session.update(3, tag=10) == plain(version, 0x69, 3, 10)
    session.good(get_digests(version))
    session.good(get_certificate(version))
    session.good(get_measurements(version))
    assert session.good(plain(version, 0xEC)) == plain(version, 0x6C)
    assert session.wire.connection.sessions == {}
    assert session.wire.device.sessions.live == set()


@every_version
@every_way
@every_binding
@pytest.mark.parametrize("clear", [False, True])
def test_a_session_from_its_beginning_to_its_end(
    version: int, opening: Opening, binding: Binding, *, clear: bool
) -> None:
    flags = REQUESTER | (Cap.HANDSHAKE_IN_THE_CLEAR if clear else Cap(0))
    wire = Wire(version=version, flags=flags, binding=binding)
    session = opening(wire)
    assert session.held.phase is Phase.HANDSHAKE
    use(session.finish())
