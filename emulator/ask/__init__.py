"""Asking: building a request and verifying its reply, one file a message family, for either role.

A `Request` is built from a connection, sent as `raw`, and given the reply: `accept` checks every
rule, records both messages in the transcript and moves the connection on, or raises a PeerError
that names the field, what was found and what would be right. Pure: whoever holds a request decides
how its bytes travel, and when to send it again.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_*.c`, each 'Validate Response Phase'.
Reserved fields and bits are tolerated.
"""

from emulator.ask.algorithms import AlgorithmsRequest
from emulator.ask.capabilities import CapabilitiesRequest
from emulator.ask.certificates import (
    CertificateRequest,
    DigestsRequest,
    Portion,
    SlotDigests,
    SlotSizeRequest,
)
from emulator.ask.chain import PeerChain, PeerKey, Signer, read_chain
from emulator.ask.challenge import Authentication, ChallengeRequest
from emulator.ask.encapsulated import (
    Asked,
    EncapsulatedRequestRequest,
    EncapsulatedResponseRequest,
    UsedSlot,
)
from emulator.ask.endpoint_info import Endpoint, EndpointInfoRequest
from emulator.ask.events import EventTypesRequest, SubscribeRequest
from emulator.ask.finish import FinishRequest, OwnProof, PskFinishRequest
from emulator.ask.key_exchange import KeyExchangeRequest
from emulator.ask.measurement_log import Logged, MeasurementLogRequest, read_log
from emulator.ask.measurements import MeasurementsRequest, Reading
from emulator.ask.opening import Opened
from emulator.ask.provisioning import (
    CsrRequest,
    KeyPairFacts,
    KeyPairInfoRequest,
    SetCertificateRequest,
    SetKeyPairInfoRequest,
)
from emulator.ask.psk import PskExchangeRequest
from emulator.ask.ready import respond_if_ready, wait_asked
from emulator.ask.record import ReportedMeasurement
from emulator.ask.request import Request
from emulator.ask.session import EndSessionRequest, HeartbeatRequest, KeyUpdateRequest
from emulator.ask.vendor import VendorRequest
from emulator.ask.version import VersionRequest

__all__ = [
    "AlgorithmsRequest",
    "Asked",
    "Authentication",
    "CapabilitiesRequest",
    "CertificateRequest",
    "ChallengeRequest",
    "CsrRequest",
    "DigestsRequest",
    "EncapsulatedRequestRequest",
    "EncapsulatedResponseRequest",
    "EndSessionRequest",
    "Endpoint",
    "EndpointInfoRequest",
    "EventTypesRequest",
    "FinishRequest",
    "HeartbeatRequest",
    "KeyExchangeRequest",
    "KeyPairFacts",
    "KeyPairInfoRequest",
    "KeyUpdateRequest",
    "Logged",
    "MeasurementLogRequest",
    "MeasurementsRequest",
    "Opened",
    "OwnProof",
    "PeerChain",
    "PeerKey",
    "Portion",
    "PskExchangeRequest",
    "PskFinishRequest",
    "Reading",
    "ReportedMeasurement",
    "Request",
    "SetCertificateRequest",
    "SetKeyPairInfoRequest",
    "Signer",
    "SlotDigests",
    "SlotSizeRequest",
    "SubscribeRequest",
    "UsedSlot",
    "VendorRequest",
    "VersionRequest",
    "read_chain",
    "read_log",
    "respond_if_ready",
    "wait_asked",
]
