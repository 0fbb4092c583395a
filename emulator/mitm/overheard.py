"""What a conversation has said in the clear, as whoever stands in the middle knows it.

With that it can take the place of either side: the negotiation is the first part of every
transcript, and the chain's hash the second.
"""

from dataclasses import replace
from typing import Any

from emulator.errors import WireError
from emulator.report.shapes import Shapes
from emulator.spdm.algorithms import (
    HASHES,
    MEASUREMENT_HASHES,
    OPAQUE_FORMAT_MASK,
    SIGNATURES,
    Algorithm,
    by_bit,
)
from emulator.spdm.capabilities import REQUESTER_MASK, RESPONDER_MASK
from emulator.spdm.connection import Connection
from emulator.spdm.messages import (
    LAYOUTS,
    Algorithms,
    Capabilities,
    Certificate,
    GetCapabilities,
    GetCertificate,
    VersionResponse,
)
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.negotiation import STRUCTURES, Negotiated
from emulator.spdm.state import State
from emulator.spdm.transcript import Entry, Part
from emulator.wire import Message, decode


class Overheard:
    """The conversation so far.

    Attributes:
        chains: the chains that were fetched, as SPDM carries them, by slot.
    """

    def __init__(self) -> None:
        self.chains: dict[int, bytes] = {}
        self._shapes = Shapes()
        self._negotiation: list[Entry] = []
        self._asked: GetCapabilities | None = None
        self._answered: Capabilities | None = None

    @property
    def negotiated(self) -> bool:
        """Whether algorithms were agreed on."""
        return self._shapes.algorithms is not None

    def learn(self, request: bytes, reply: bytes) -> None:
        """Take an exchange; what cannot be read teaches nothing."""
        try:
            asked, size = self._read(request, is_request=True)
            answered, length = self._read(reply, is_request=False)
        except (WireError, KeyError, IndexError):
            return
        said = (Entry(request[:size]), Entry(reply[:length]))
        match answered:
            case VersionResponse():
                self._negotiation = list(said)
                self.chains = {}
                self._shapes.algorithms = None
            case Capabilities() if isinstance(asked, GetCapabilities):
                self._asked, self._answered = asked, answered
                self._negotiation += said
            case Algorithms():
                self._negotiation += said
            case Certificate() if isinstance(asked, GetCertificate):
                before = self.chains.get(asked.slot & SLOT_MASK, b"")[: asked.wanted[0]]
                self.chains[asked.slot & SLOT_MASK] = before + answered.portion

    def _read(self, raw: bytes, *, is_request: bool) -> tuple[Message, int]:
        layout = LAYOUTS[raw[1]]
        found, size = decode(layout, raw, self._shapes.of(layout, raw[0]))
        self._shapes.learn(found, request=is_request)
        return found, size

    def as_device(self) -> Connection:
        """The connection as the device has it."""
        return self._connection(of_device=True)

    def as_host(self) -> Connection:
        """The connection as the host has it."""
        return self._connection(of_device=False)

    def _connection(self, *, of_device: bool) -> Connection:
        asked, answered = self._asked, self._answered
        if asked is None or answered is None:
            raise LookupError("nothing was negotiated yet")
        version = answered.version
        host, device = (
            asked.flags & REQUESTER_MASK[version],
            answered.flags & RESPONDER_MASK[version],
        )
        theirs = asked if of_device else answered
        connection = Connection(
            state=State.NEGOTIATED,
            version=version,
            local_capabilities=device if of_device else host,
            peer_capabilities=host if of_device else device,
            peer_ct_exponent=theirs.ct_exponent,
            peer_data_transfer_size=theirs.data_transfer_size,
            peer_max_message=theirs.max_spdm_msg_size,
            algorithms=self.algorithms,
        )
        connection.transcript.append(Part.A, self._negotiation)
        return connection

    @property
    def algorithms(self) -> Negotiated:
        """What was selected. Raises LookupError where nothing was, or nothing we know."""
        selected = self._shapes.algorithms
        if selected is None:
            raise LookupError("nothing was negotiated yet")

        def row(family: tuple[Algorithm, ...], bits: int) -> Algorithm | None:
            return by_bit(family, bits) if bits else None

        structures: dict[str, Any] = {
            name: row(family, self._shapes.structure(kind))
            for kind, (name, family) in STRUCTURES.items()
        }
        agreed = Negotiated(
            measurement_specification=selected.measurement_specification,
            measurement_hash=row(MEASUREMENT_HASHES, selected.measurement_hash),
            asym=row(SIGNATURES, selected.base_asym),
            hash=row(HASHES, selected.base_hash),
            other_params=selected.other_params & OPAQUE_FORMAT_MASK,
            mel_specification=selected.mel_specification,
        )
        return replace(agreed, **structures)
