"""GET_CAPABILITIES (libspdm `library/spdm_requester_lib/libspdm_req_get_capabilities.c`)."""

from emulator.ask.request import Request
from emulator.errors import BrokenReply
from emulator.spdm.capabilities import (
    MAX_CT_EXPONENT,
    MIN_DATA_TRANSFER_SIZE,
    REQUESTER_MASK,
    RESPONDER_MASK,
    Cap,
    responder_problems,
)
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Capabilities, GetCapabilities, SupportedAlgorithms
from emulator.spdm.messages.capabilities import SUPPORTED_ALGORITHMS
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version, rules
from emulator.wire import Shape, encode


class CapabilitiesRequest(Request[Capabilities]):
    """Exchanges flags and sizes; the reply is the peer's message."""

    def __init__(
        self,
        connection: Connection,
        *,
        flags: Cap,
        ct_exponent: int,
        data_transfer_size: int,
        max_message: int,
        ask_algorithms: bool = False,
    ) -> None:
        """Our flags, masked for the version; our CTExponent; and our sizes in bytes.

        With `ask_algorithms` the peer is asked for the supported-algorithms block where the version
        has it and we offer CHUNK, without which it is not to be asked for.
        """
        version = Version(connection.version)
        self._flags = flags & REQUESTER_MASK[version]
        asks = ask_algorithms and rules(version).supported_algorithms and Cap.CHUNK in self._flags
        message = GetCapabilities(
            version=version,
            param1=SUPPORTED_ALGORITHMS if asks else 0,
            ct_exponent=ct_exponent,
            flags=self._flags,
            data_transfer_size=data_transfer_size,
            max_spdm_msg_size=max_message,
        )
        self._asks = asks
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> Capabilities:
        connection = self.connection
        version = Version(connection.version)
        theirs, raw = self._read(Capabilities, reply, connection.shape())
        flags = theirs.flags & RESPONDER_MASK[version]
        problems = responder_problems(flags, version)
        if problems:
            found = f"0x{theirs.flags:08x}: {problems[0]}"
            raise BrokenReply("CAPABILITIES", "flags", found=found, expected="a legal combination")
        sized = rules(version).sizes_negotiated
        if sized:
            _check_sizes(theirs, flags)
        if theirs.ct_exponent > MAX_CT_EXPONENT:
            raise BrokenReply(
                "CAPABILITIES",
                "ct_exponent",
                found=theirs.ct_exponent,
                expected=f"at most {MAX_CT_EXPONENT}",
            )
        for block in theirs.supported:
            _check_block(block, asked=self._asks, version=version)
        self._record(Part.A, raw)
        connection.local_capabilities = self._flags
        connection.peer_capabilities = flags
        connection.peer_ct_exponent = theirs.ct_exponent
        connection.peer_data_transfer_size = theirs.data_transfer_size if sized else 0
        connection.peer_max_message = theirs.max_spdm_msg_size if sized else 0
        return theirs


def _check_block(block: SupportedAlgorithms, *, asked: bool, version: int) -> None:
    """The supported-algorithms block: asked for, and as long as it says."""
    if not asked:
        raise BrokenReply(
            "CAPABILITIES", "param1", found="the supported-algorithms block", expected="none"
        )
    size = len(encode(block, Shape(version)))
    if block.length != size:
        raise BrokenReply("CAPABILITIES", "supported.length", found=block.length, expected=size)


def _check_sizes(theirs: Capabilities, flags: Cap) -> None:
    """DataTransferSize: the least there is, at most the largest message, equal without CHUNK."""
    size, largest = theirs.data_transfer_size, theirs.max_spdm_msg_size
    if not MIN_DATA_TRANSFER_SIZE <= size <= largest:
        raise BrokenReply(
            "CAPABILITIES",
            "data_transfer_size",
            found=size,
            expected=f"{MIN_DATA_TRANSFER_SIZE} to max_spdm_msg_size {largest}",
        )
    if Cap.CHUNK not in flags and size != largest:
        raise BrokenReply(
            "CAPABILITIES",
            "max_spdm_msg_size",
            found=largest,
            expected=f"data_transfer_size {size}, as CHUNK is not offered",
        )
