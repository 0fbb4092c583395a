"""GET_VERSION and VERSION."""

from emulator.spdm.codes import Code
from emulator.wire import AUTO, U8, U16, Message, Structure, Table, message, structure, wire


@message(Code.GET_VERSION)
class GetVersion(Message):
    """Asks for the versions the responder speaks; always sent as version 1.0."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)


@structure
class VersionEntry(Structure):
    """One version: major, minor, update and alpha as nibbles, high to low."""

    number: int = wire(U16())


@message(Code.VERSION)
class VersionResponse(Message):
    """The versions the responder speaks, in its order."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    reserved3: int = wire(U8(), default=0)
    entry_count: int = wire(U8(), default=AUTO, counts="entries")
    entries: tuple[VersionEntry, ...] = wire(Table(VersionEntry, "entry_count"))
