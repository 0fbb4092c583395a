"""What can go wrong, by whose fault.

`SpdmError` and its subclasses are the protocol's own answers: the dispatcher turns one into an
ERROR message at a single place. Any other exception that a peer's bytes can raise is a bug.
Error codes: libspdm `include/industry_standard/spdm.h` (SPDM_ERROR_CODE_*).
"""


class EmulatorError(Exception):
    """Base of everything this package raises on purpose."""


class SpdmError(EmulatorError):
    """A request is answered with an ERROR message.

    Attributes:
        code: the ERROR's Param1.
        data: the ERROR's Param2.
        extended: the bytes after the header (0 to 32).
        reason: one sentence for the log; never sent.
        limit: the limit of the device (`Limits`) that the request ran into, or ''.
    """

    code = 0x05

    def __init__(
        self, reason: str = "", *, data: int = 0, extended: bytes = b"", limit: str = ""
    ) -> None:
        super().__init__(reason or type(self).__name__)
        self.reason = reason
        self.data = data
        self.extended = extended
        self.limit = limit


class InvalidRequest(SpdmError):
    """A field's value, or the size, is not legal here."""

    code = 0x01


class Busy(SpdmError):
    """The device cannot answer now; the requester may try again."""

    code = 0x03


class UnexpectedRequest(SpdmError):
    """The request is out of order in this state."""

    code = 0x04


class Unspecified(SpdmError):
    """The device failed for a reason of its own."""

    code = 0x05


class DecryptError(SpdmError):
    """A record cannot be opened, or verify data is wrong: this ends its session, and only that."""

    code = 0x06


class UnsupportedRequest(SpdmError):
    """The request code is unknown, or its capability is not offered. Param2 is the code."""

    code = 0x07


class RequestInFlight(SpdmError):
    """An answer of the requester's is due before the device answers anything else."""

    code = 0x08


class InvalidResponseCode(SpdmError):
    """What the requester answered to an encapsulated request is no answer to it."""

    code = 0x09


class SessionLimitExceeded(SpdmError):
    """The device has as many sessions as it can have."""

    code = 0x0A


class SessionRequired(SpdmError):
    """The request belongs into a session, or out of one."""

    code = 0x0B


class ResetRequired(SpdmError):
    """What was asked for is done once the device was reset. Param2: the tag of a GET_CSR."""

    code = 0x0C


class ResponseTooLarge(SpdmError):
    """The response exceeds the requester's MaxSPDMmsgSize. Extended data: its size, u32 LE."""

    code = 0x0D


class RequestTooLarge(SpdmError):
    """The request exceeds the device's MaxSPDMmsgSize."""

    code = 0x0E


class InvalidPolicy(SpdmError):
    """The device's policy allows no session of this kind; since 1.3."""

    code = 0x11


class DataTooLarge(SpdmError):
    """A chain is too large for the form it was asked for in. Extended data: its size, u32 LE."""

    code = 0x12


class VersionMismatch(SpdmError):
    """The message's version is not the negotiated one, or not offered."""

    code = 0x41


class ResponseNotReady(SpdmError):
    """The reply takes time. Extended data: the layout `NotReady` of spdm/messages/ready.py."""

    code = 0x42


class NoPendingRequests(SpdmError):
    """The device has nothing to ask; since 1.3."""

    code = 0x45


class RequestResynch(SpdmError):
    """The device lost the connection's state; the requester starts at GET_VERSION."""

    code = 0x43


class OperationFailed(SpdmError):
    """What was asked for is allowed, but cannot be done as things stand."""

    code = 0x44


class WireError(EmulatorError):
    """Bytes do not fit a layout.

    Attributes:
        message: the layout's name.
        field: the field that failed, or '' for the whole message.
        offset: where that field starts, in bytes from the message's start.
        reason: what was found and what would be right.
    """

    def __init__(self, message: str, field: str, offset: int, reason: str) -> None:
        where = f"{message}.{field}" if field else message
        super().__init__(f"{where} at byte {offset}: {reason}")
        self.message = message
        self.field = field
        self.offset = offset
        self.reason = reason


class NoSession(EmulatorError):
    """A record of no session there is, so that nobody could read an answer to it."""


class FrameError(EmulatorError):
    """The transport's stream is broken beyond this frame; the connection is closed."""


class FrameTooLarge(FrameError):
    """A frame claims more than is taken."""


class LinkError(EmulatorError):
    """What a link cannot carry, or bytes from it that are no TLP."""


class PeerError(EmulatorError):
    """The other side of a conversation broke the protocol (raised by the requester)."""


class UntrustedPeer(PeerError):
    """The other side's certificate chain is not to be believed."""


class BrokenReply(PeerError):
    """A reply breaks a rule.

    Attributes:
        message: the reply's name.
        field: the field that breaks the rule.
    """

    def __init__(self, message: str, field: str, *, found: object, expected: object) -> None:
        super().__init__(f"{message}.{field}: found {found}, expected {expected}")
        self.message = message
        self.field = field


class PeerErrorReply(PeerError):
    """A request was refused with an ERROR message.

    Attributes:
        code: the ERROR's Param1.
        data: its Param2.
        extended: the bytes after its header; padding of the transport may follow them.
    """

    def __init__(self, reason: str, *, code: int, data: int, extended: bytes) -> None:
        super().__init__(reason)
        self.code = code
        self.data = data
        self.extended = extended


class SignatureMismatch(PeerError):
    """A reply is well formed, but its signature is not the peer's over what both sides saw.

    Attributes:
        content: what the reply says, for showing; nothing vouches for it.
    """

    def __init__(self, reason: str, content: object) -> None:
        super().__init__(reason)
        self.content = content


class KeyRefused(PeerError):
    """The device does not take a key of IDE.

    Attributes:
        status: what KP_ACK says.
    """

    def __init__(self, what: str, status: int, name: str) -> None:
        super().__init__(f"KP_ACK says {name} ({status}) of {what}")
        self.status = status


class TdispRefused(PeerError):
    """The device answers a request of TDISP with an error.

    Attributes:
        code: the error code.
        data: the error data.
    """

    def __init__(self, request: str, code: int, name: str, data: int) -> None:
        super().__init__(f"TDISP_ERROR {name} ({code:#x}), data {data}, to {request}")
        self.code = code
        self.data = data


class UnsupportedByPeer(PeerError):
    """The peer does not offer what is needed, or nothing we know is in common."""


class NoResponse(PeerError):
    """The peer cannot be reached, or nothing came back: refused, silent, late or gone."""


class ProfileError(EmulatorError):
    """A profile cannot be used; `problems` has one line a problem, with its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PkiError(EmulatorError):
    """A key, certificate or chain cannot be used."""


class BadReference(EmulatorError):
    """Reference values cannot be read, or their signature is not to be believed."""


class StateError(EmulatorError):
    """A device's state cannot be kept, or not be read."""


class KeyLogError(EmulatorError):
    """A key log cannot be read."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")


class RecordingError(EmulatorError):
    """A recording cannot be read, or read on.

    Attributes:
        file: its name.
        offset: where it is wrong, in bytes from its start.
    """

    def __init__(self, file: str, offset: int, reason: str) -> None:
        super().__init__(f"{file}: byte {offset}: {reason}")
        self.file = file
        self.offset = offset
