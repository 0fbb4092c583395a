"""The keys that sessions had before, for effects that seal with them."""

from emulator.faults.effect import Former, Kept
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session import Session

_REPLACED = {
    Code.FINISH: Former.HANDSHAKE,
    Code.PSK_FINISH: Former.HANDSHAKE,
    Code.KEY_UPDATE: Former.BEFORE_UPDATE,
    Code.DELIVER_ENCAPSULATED_RESPONSE: Former.BEFORE_UPDATE,
}
"""The requests that end the use of a key, and what it is called from then on."""


class FormerKeys:
    """Of one connection; those of a session that is over go with the next that is kept.

    Attributes:
        kept: the keys of the device's direction, by session and kind.
    """

    def __init__(self) -> None:
        self.kept: dict[tuple[Session, Former], Kept] = {}

    def keep(self, session: Session, request: bytes) -> None:
        """Keep the key that the session has now, before the request takes it away."""
        code, operation = request[1], request[2]
        for one in tuple(self.kept):
            if not one[0].live:
                del self.kept[one]
        verifies = code == Code.KEY_UPDATE and operation == KeyOperation.VERIFY_NEW_KEY
        if code in _REPLACED and not verifies:
            traffic = session.secrets.traffic(Direction.RESPONSE)
            self.kept[session, _REPLACED[Code(code)]] = Kept(traffic, bytes(traffic.iv))
