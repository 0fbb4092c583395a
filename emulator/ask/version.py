"""GET_VERSION (libspdm `library/spdm_requester_lib/libspdm_req_get_version.c`)."""

from collections.abc import Iterable

from emulator.ask.request import Request
from emulator.errors import BrokenReply, UnsupportedByPeer
from emulator.spdm.connection import Connection
from emulator.spdm.messages import GetVersion, VersionResponse
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version
from emulator.wire import Shape


def version_text(number: int) -> str:
    """A VERSION entry as people write it, update and alpha numbers only where they are set."""
    major, minor, update, alpha = (number >> shift & 0xF for shift in (12, 8, 4, 0))
    text = f"{major}.{minor}"
    if update or alpha:
        text += f".{update}"
    return f"{text} alpha {alpha}" if alpha else text


class VersionRequest(Request[tuple[int, ...]]):
    """Asks for the versions, forgets what was agreed before, and chooses the highest in common.

    The reply is the numbers of the peer's VERSION entries in its order.
    """

    def __init__(self, connection: Connection, offered: Iterable[Version]) -> None:
        """`offered`: the versions we speak."""
        super().__init__(connection, GetVersion(version=Version.V1_0))
        self._offered = frozenset(offered)

    def _accept(self, reply: bytes) -> tuple[int, ...]:
        self.connection.restart()
        version, raw = self._read(VersionResponse, reply, Shape(Version.V1_0))
        if not version.entries:
            raise BrokenReply("VERSION", "entry_count", found=0, expected="1 or more")
        listed = tuple(entry.number for entry in version.entries)
        # Update and alpha do not decide (libspdm_negotiate_connection_version).
        common = self._offered.intersection(number >> 8 for number in listed)
        if not common:
            ours = ", ".join(offered.text for offered in sorted(self._offered))
            theirs = ", ".join(map(version_text, listed))
            raise UnsupportedByPeer(f"no version in common: the peer lists {theirs}, we {ours}")
        self.connection.version = max(common)
        self._record(Part.A, raw)
        return listed
