"""How the messages of a conversation are laid out, from what was agreed and asked before."""

from dataclasses import dataclass

from emulator.spdm.algorithms import (
    DHE_GROUPS,
    HASHES,
    SIGNATURES,
    Algorithm,
    AlgType,
    by_bit,
)
from emulator.spdm.capabilities import MEAS, NONE, Cap
from emulator.spdm.messages import (
    Algorithms,
    Capabilities,
    Challenge,
    ChallengeAuth,
    EndpointInfo,
    Finish,
    FinishRsp,
    GetCapabilities,
    GetEndpointInfo,
    GetMeasurements,
    KeyExchange,
    KeyExchangeRsp,
    Measurements,
    PskExchange,
    PskExchangeRsp,
    PskFinish,
    RequestAttributes,
)
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.endpoint_info import EndpointInfoAttributes
from emulator.wire import Message, Shape


@dataclass
class Shapes:
    """What a layout depends on, at this point of a conversation.

    Attributes:
        requester: the requester's flags.
        responder: the responder's.
        algorithms: ALGORITHMS, once it was seen.
        asked: the last request.
    """

    requester: Cap = NONE
    responder: Cap = NONE
    algorithms: Algorithms | None = None
    asked: Message | None = None

    def learn(self, message: Message, *, request: bool) -> None:
        """Take a message that was read."""
        if request:
            self.asked = message
        if isinstance(message, GetCapabilities):
            self.requester = message.flags
        if isinstance(message, Capabilities):
            self.responder = message.flags
        if isinstance(message, Algorithms):
            self.algorithms = message

    def of(self, layout: type[Message] | None, version: int) -> Shape:
        """The shape of the next message, if it is one of this layout."""
        digest = self._size(HASHES, self.algorithms.base_hash) if self.algorithms else 0
        sizes: dict[str, int] = {}
        if layout in {ChallengeAuth, KeyExchangeRsp, PskExchangeRsp}:
            sizes["summary"] = digest if self._summarised() else 0
        by_request = layout in {Measurements, EndpointInfo} and self._signed()
        if layout in {ChallengeAuth, KeyExchangeRsp} or by_request:
            sizes["signature"] = self._size(SIGNATURES, self._base_asym)
        if layout is Finish:
            sizes["signature"] = self._size(SIGNATURES, self.structure(AlgType.REQ_BASE_ASYM))
        if layout in {KeyExchange, KeyExchangeRsp}:
            sizes["exchange"] = self._size(DHE_GROUPS, self.structure(AlgType.DHE))
        in_the_clear = Cap.HANDSHAKE_IN_THE_CLEAR in self.requester & self.responder
        if (
            layout in {Finish, PskExchangeRsp, PskFinish}
            or (layout is KeyExchangeRsp and not in_the_clear)
            or (layout is FinishRsp and in_the_clear)
        ):
            sizes["verify"] = digest
        return Shape(version, digest, **sizes)

    @property
    def _base_asym(self) -> int:
        return self.algorithms.base_asym if self.algorithms else 0

    def structure(self, kind: AlgType) -> int:
        """What was selected in the structure of this type."""
        rows = self.algorithms.structures if self.algorithms else ()
        return next((row.supported for row in rows if row.kind == kind), 0)

    def _summarised(self) -> bool:
        """Whether the last request has its reply summarise the measurements."""
        asked = self.asked
        wanted = (
            isinstance(asked, Challenge | KeyExchange | PskExchange)
            and asked.summary_type != SummaryType.NONE
        )
        return wanted and bool(self.responder & MEAS)

    def _signed(self) -> bool:
        """Whether the last request has its reply signed that may be unsigned, too."""
        asked = self.asked
        if isinstance(asked, GetEndpointInfo):
            return EndpointInfoAttributes.SIGNATURE in asked.attributes
        signed = RequestAttributes.SIGNATURE
        return isinstance(asked, GetMeasurements) and bool(asked.attributes & signed)

    @staticmethod
    def _size(family: tuple[Algorithm, ...], bit: int) -> int:
        """The size of what was selected; 0 where nothing was, or nothing we know."""
        try:
            return by_bit(family, bit).size
        except KeyError:
            return 0
