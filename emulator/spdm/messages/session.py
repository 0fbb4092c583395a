"""What keeps a session and ends it: HEARTBEAT, KEY_UPDATE, END_SESSION and their replies."""

from enum import IntEnum, IntFlag

from emulator.spdm.codes import Code
from emulator.wire import U8, Message, message, structure, wire


class KeyOperation(IntEnum):
    """Param1 of KEY_UPDATE and KEY_UPDATE_ACK."""

    UPDATE_KEY = 1
    UPDATE_ALL_KEYS = 2
    VERIFY_NEW_KEY = 3


class EndAttributes(IntFlag):
    """Param1 of END_SESSION."""

    CLEAR_NEGOTIATED_STATE = 0x01


@structure
class _Empty(Message):
    """Nothing but a header."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)


@message(Code.HEARTBEAT)
class Heartbeat(_Empty):
    """The requester is still there."""


@message(Code.HEARTBEAT_ACK)
class HeartbeatAck(_Empty):
    """So is the responder."""


@structure
class _KeyUpdate(Message):
    """What both have: the operation, and a tag that the reply repeats."""

    operation: int = wire(U8(KeyOperation))
    tag: int = wire(U8())


@message(Code.KEY_UPDATE)
class KeyUpdate(_KeyUpdate):
    """Asks for new keys, or proves one."""


@message(Code.KEY_UPDATE_ACK)
class KeyUpdateAck(_KeyUpdate):
    """The operation is done."""


@message(Code.END_SESSION)
class EndSession(Message):
    """Ends the session, and may ask the responder to forget what it negotiated."""

    attributes: EndAttributes = wire(U8(EndAttributes), default=EndAttributes(0))
    reserved: int = wire(U8(), default=0)


@message(Code.END_SESSION_ACK)
class EndSessionAck(_Empty):
    """The last message of a session."""
