"""One session over a channel."""

from emulator.client.asking import Asking
from emulator.client.channel import Channel
from emulator.requester import Observer, SecureSession
from emulator.requester.flow import unobserved
from emulator.spdm.messages.session import KeyOperation


class SessionClient(Asking):
    """An established session and the channel to its device.

    Each method is the session's of the same name, driven over the channel; `run` drives any other.

    Attributes:
        session: the session.
    """

    def __init__(
        self, session: SecureSession, channel: Channel, *, observer: Observer = unobserved
    ) -> None:
        super().__init__(session, channel, observer=observer)
        self.session = session

    @property
    def id(self) -> int:
        """The session's id."""
        return self.session.id

    async def heartbeat(self) -> None:
        """HEARTBEAT."""
        await self.run(self.session.heartbeat())

    async def update_keys(self, operation: KeyOperation = KeyOperation.UPDATE_ALL_KEYS) -> None:
        """KEY_UPDATE for new keys, and the proof of ours."""
        await self.run(self.session.update_keys(operation))

    async def end(self, *, forget: bool = False) -> None:
        """END_SESSION, unless the session is over."""
        if self.session.live:
            await self.run(self.session.end_session(forget=forget))
