"""The layouts of all messages, one file a family.

Field by field from libspdm `include/industry_standard/spdm.h`. Param1 and Param2 bear the name of
their use; where the standard reserves them they are `reserved`, sent as zero and tolerated.
"""

from emulator.spdm.messages.algorithms import (
    Algorithms,
    AlgorithmStructure,
    NegotiateAlgorithms,
    SupportedAlgorithms,
)
from emulator.spdm.messages.capabilities import Capabilities, GetCapabilities
from emulator.spdm.messages.certificates import Certificate, Digests, GetCertificate, GetDigests
from emulator.spdm.messages.challenge import Challenge, ChallengeAuth
from emulator.spdm.messages.chunks import ChunkGet, ChunkResponse, ChunkSend, ChunkSendAck
from emulator.spdm.messages.encapsulated import (
    DeliverEncapsulatedResponse,
    EncapsulatedRequest,
    EncapsulatedResponseAck,
    GetEncapsulatedRequest,
)
from emulator.spdm.messages.endpoint_info import EndpointInfo, GetEndpointInfo
from emulator.spdm.messages.error import Error
from emulator.spdm.messages.events import (
    EventAck,
    GetSupportedEventTypes,
    SendEvent,
    SubscribeEventTypes,
    SubscribeEventTypesAck,
    SupportedEventTypes,
)
from emulator.spdm.messages.key_exchange import Finish, FinishRsp, KeyExchange, KeyExchangeRsp
from emulator.spdm.messages.measurement_log import (
    GetMeasurementExtensionLog,
    MeasurementExtensionLog,
)
from emulator.spdm.messages.measurements import (
    GetMeasurements,
    MeasurementBlock,
    MeasurementOperation,
    Measurements,
    MeasurementValue,
    RequestAttributes,
)
from emulator.spdm.messages.provisioning import (
    Csr,
    GetCsr,
    GetKeyPairInfo,
    KeyPairInfo,
    SetCertificate,
    SetCertificateRsp,
    SetKeyPairInfo,
    SetKeyPairInfoAck,
)
from emulator.spdm.messages.psk import PskExchange, PskExchangeRsp, PskFinish, PskFinishRsp
from emulator.spdm.messages.ready import NotReady, RespondIfReady
from emulator.spdm.messages.session import (
    EndSession,
    EndSessionAck,
    Heartbeat,
    HeartbeatAck,
    KeyUpdate,
    KeyUpdateAck,
)
from emulator.spdm.messages.vendor import VendorDefinedRequest, VendorDefinedResponse
from emulator.spdm.messages.version import GetVersion, VersionEntry, VersionResponse
from emulator.wire import Message

LAYOUTS: dict[int, type[Message]] = {
    layout.CODE: layout
    for layout in (
        GetVersion,
        VersionResponse,
        GetCapabilities,
        Capabilities,
        NegotiateAlgorithms,
        Algorithms,
        GetDigests,
        Digests,
        GetCertificate,
        Certificate,
        Challenge,
        ChallengeAuth,
        GetMeasurements,
        Measurements,
        GetMeasurementExtensionLog,
        MeasurementExtensionLog,
        GetEndpointInfo,
        EndpointInfo,
        GetSupportedEventTypes,
        SupportedEventTypes,
        SubscribeEventTypes,
        SubscribeEventTypesAck,
        SendEvent,
        EventAck,
        VendorDefinedRequest,
        VendorDefinedResponse,
        RespondIfReady,
        ChunkSend,
        ChunkSendAck,
        ChunkGet,
        ChunkResponse,
        KeyExchange,
        KeyExchangeRsp,
        Finish,
        FinishRsp,
        PskExchange,
        PskExchangeRsp,
        PskFinish,
        PskFinishRsp,
        Heartbeat,
        HeartbeatAck,
        KeyUpdate,
        KeyUpdateAck,
        EndSession,
        EndSessionAck,
        GetEncapsulatedRequest,
        EncapsulatedRequest,
        DeliverEncapsulatedResponse,
        EncapsulatedResponseAck,
        GetCsr,
        Csr,
        SetCertificate,
        SetCertificateRsp,
        GetKeyPairInfo,
        KeyPairInfo,
        SetKeyPairInfo,
        SetKeyPairInfoAck,
        Error,
    )
}
"""The layout of every message this emulator reads or writes, by code."""

__all__ = [
    "LAYOUTS",
    "AlgorithmStructure",
    "Algorithms",
    "Capabilities",
    "Certificate",
    "Challenge",
    "ChallengeAuth",
    "ChunkGet",
    "ChunkResponse",
    "ChunkSend",
    "ChunkSendAck",
    "Csr",
    "DeliverEncapsulatedResponse",
    "Digests",
    "EncapsulatedRequest",
    "EncapsulatedResponseAck",
    "EndSession",
    "EndSessionAck",
    "EndpointInfo",
    "Error",
    "EventAck",
    "Finish",
    "FinishRsp",
    "GetCapabilities",
    "GetCertificate",
    "GetCsr",
    "GetDigests",
    "GetEncapsulatedRequest",
    "GetEndpointInfo",
    "GetKeyPairInfo",
    "GetMeasurementExtensionLog",
    "GetMeasurements",
    "GetSupportedEventTypes",
    "GetVersion",
    "Heartbeat",
    "HeartbeatAck",
    "KeyExchange",
    "KeyExchangeRsp",
    "KeyPairInfo",
    "KeyUpdate",
    "KeyUpdateAck",
    "MeasurementBlock",
    "MeasurementExtensionLog",
    "MeasurementOperation",
    "MeasurementValue",
    "Measurements",
    "NegotiateAlgorithms",
    "NotReady",
    "PskExchange",
    "PskExchangeRsp",
    "PskFinish",
    "PskFinishRsp",
    "RequestAttributes",
    "RespondIfReady",
    "SendEvent",
    "SetCertificate",
    "SetCertificateRsp",
    "SetKeyPairInfo",
    "SetKeyPairInfoAck",
    "SubscribeEventTypes",
    "SubscribeEventTypesAck",
    "SupportedAlgorithms",
    "SupportedEventTypes",
    "VendorDefinedRequest",
    "VendorDefinedResponse",
    "VersionEntry",
    "VersionResponse",
]
