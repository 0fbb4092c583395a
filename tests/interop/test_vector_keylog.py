"""Recorded sessions read with a key log, as `show --keylog` reads them."""

import pytest
from interop import recorded
from interop.session_walk import Walk

from emulator.record import LinkType, Packet, Session
from emulator.report import Entry, entries
from emulator.requester import Direction
from emulator.spdm.keylog import read_keylog, write_line

pytestmark = pytest.mark.vectors

CLASSICAL = [name for name in recorded.NAMES if "mlkem" not in name]


def shown(name: str) -> tuple[Walk, list[Entry]]:
    """The conversation, and how it is told with a key log of its secrets."""
    walk = Walk(recorded.read(name))
    frames = [bytes.fromhex(text) for text in walk.recording.facts["frames"]]
    ways = (Direction.REQUEST, Direction.REPLY)
    packets = tuple(
        Packet(0, LinkType.PCI_DOE, frame, ways[number % 2]) for number, frame in enumerate(frames)
    )
    lines = [
        write_line(label, session.identifier, secret)
        for session in walk.sessions
        for label, secret in session.told.items()
    ]
    keylog = read_keylog("keys.log", "# both sides\n\n" + "".join(lines))
    return walk, list(entries(Session("", 0, packets), keylog))


@pytest.mark.parametrize("name", CLASSICAL)
def test_every_record_is_read(name: str) -> None:
    walk, told = shown(name)
    inside = {
        number: entry.told.raw
        for number, entry in enumerate(told)
        if entry.told is not None and entry.told.session is not None
    }
    assert inside == {one.frame: one.inner for one in walk.opened}
    names = {entry.told.name for entry in told if entry.told is not None}
    assert {"HEARTBEAT_ACK", "KEY_UPDATE", "END_SESSION_ACK", "VENDOR_DEFINED_RESPONSE"} <= names
    assert "(secured)" not in names


@pytest.mark.parametrize("name", CLASSICAL)
def test_the_messages_of_the_handshake_fit_their_layouts(name: str) -> None:
    _, told = shown(name)
    lines = [entry.told for entry in told if entry.told is not None]
    assert sum(line.name == "KEY_EXCHANGE_RSP" for line in lines) == 2
    wanted = ("KEY_EXCHANGE", "FINISH", "PSK_", "HEARTBEAT", "KEY_UPDATE", "END_")
    for line in lines:
        if line.name.startswith(wanted):
            assert "bytes left" not in line.meaning, line
