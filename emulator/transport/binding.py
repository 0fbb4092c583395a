"""What a transport binding is: how an SPDM message is wrapped, and what else may be there instead.

One file a binding (`doe.py`, `mctp.py`, `tcp.py`, `none.py`); `bindings.py` lists them.
"""

from abc import ABC, abstractmethod
from enum import Enum
from typing import ClassVar, NamedTuple

from emulator.errors import EmulatorError
from emulator.spdm.secured import Format
from emulator.transport.spdm_socket import TransportType


class Kind(Enum):
    """What a payload turned out to be; each value is its name in a report."""

    MESSAGE = "an SPDM message"
    SECURED = "a secured message"
    OWN = "a message of the transport's own"


class Unwrapped(NamedTuple):
    """What was in a payload.

    Attributes:
        kind: what it is.
        data: MESSAGE: the message, with up to `Binding.padding` bytes behind it. SECURED: the
            record. OWN: the payload that answers it.
        refused: why the transport itself refuses an OWN message; empty: it does not.
    """

    kind: Kind
    data: bytes
    refused: str = ""


class BindingError(EmulatorError):
    """A payload is nothing that could be answered.

    Attributes:
        field: what in it does not fit.
        found: what was there.
        expected: what would have been right.
    """

    def __init__(self, reason: str, *, field: str, found: object, expected: object) -> None:
        super().__init__(reason)
        self.field = field
        self.found = found
        self.expected = expected


class Binding(ABC):
    """One transport's codec.

    Attributes:
        name: what commands and reports call it.
        unit: what it calls a wrapped message.
        transport: its number in the frames of the spdm-socket protocol.
        padding: up to this many bytes may follow a message within its wrapping.
        largest: the largest message, or record, that can be wrapped, bytes; None: it sets no limit.
        records: how it writes the records of sessions; None: it carries none.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    transport: ClassVar[TransportType]
    padding: ClassVar[int] = 0
    largest: ClassVar[int | None] = None
    records: ClassVar[Format | None] = None

    @abstractmethod
    def wrap(self, message: bytes) -> bytes:
        """The payload that carries an SPDM message of at most `largest` bytes."""

    def wrap_record(self, record: bytes) -> bytes:
        """The payload that carries a record, where there are `records`."""
        raise NotImplementedError

    @abstractmethod
    def unwrap(self, payload: bytes) -> Unwrapped:
        """What a payload carries. Raises BindingError where it can get no answer."""
