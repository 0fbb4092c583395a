"""GET_CSR, SET_CERTIFICATE, GET_KEY_PAIR_INFO, SET_KEY_PAIR_INFO and their responses."""

from enum import IntEnum

from emulator.spdm.codes import Code
from emulator.spdm.versions import Version
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    Counted,
    Message,
    Rest,
    Since,
    Structure,
    message,
    structure,
    wire,
)

CSR_MODEL_MASK = 0x07
"""Bits of GET_CSR's attributes that name a certificate model, since 1.3."""

CSR_TAG_SHIFT = 3
"""Above them CSRTrackingTag, three bits, since 1.3."""

CSR_TAG_MASK = 0x38
MAX_CSR_TAG = 7
CSR_OVERWRITE = 0x80
"""The bit of GET_CSR's attributes that gives up all requests that wait for a reset, since 1.3."""

MODEL_SHIFT = 4
"""Where SetCertModel stands in SET_CERTIFICATE's Param1, since 1.3."""

MODEL_MASK = 0x70
ERASE = 0x80
"""The bit of SET_CERTIFICATE's Param1 that empties a slot, since 1.3."""


class KeyPairOperation(IntEnum):
    """Param1 of SET_KEY_PAIR_INFO."""

    CHANGE = 0
    ERASE = 1
    GENERATE = 2


_PQC = Since(Version.V1_4, U8())


@message(Code.GET_CSR)
class GetCsr(Message):
    """Asks for a certificate signing request. Both parameters are reserved before 1.3."""

    key_pair_id: int = wire(U8(), default=0)
    attributes: int = wire(U8(), default=0)
    requester_info_length: int = wire(U16(), default=AUTO, counts="requester_info")
    opaque_length: int = wire(U16(), default=AUTO, counts="opaque")
    requester_info: bytes = wire(Counted("requester_info_length"), default=b"")
    opaque: bytes = wire(Counted("opaque_length"), default=b"")


@message(Code.CSR)
class Csr(Message):
    """A certificate signing request: PKCS#10, DER."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    csr_length: int = wire(U16(), default=AUTO, counts="csr")
    reserved: int = wire(U16(), default=0)
    csr: bytes = wire(Counted("csr_length"))


@message(Code.SET_CERTIFICATE)
class SetCertificate(Message):
    """Installs a chain in a slot, or empties it.

    `attributes` has the slot in its low nibble and, since 1.3, model and ERASE above it;
    `key_pair_id` is reserved before 1.3. The chain, as SPDM carries it, says its own length.
    """

    attributes: int = wire(U8())
    key_pair_id: int = wire(U8(), default=0)
    chain: bytes = wire(Rest(), default=b"")


@message(Code.SET_CERTIFICATE_RSP)
class SetCertificateRsp(Message):
    """The slot, in the low nibble of `slot`, holds what it was told to."""

    slot: int = wire(U8())
    reserved: int = wire(U8(), default=0)


@message(Code.GET_KEY_PAIR_INFO)
class GetKeyPairInfo(Message):
    """Asks about a key pair."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    key_pair_id: int = wire(U8())


@message(Code.KEY_PAIR_INFO)
class KeyPairInfo(Message):
    """What may be done to a key pair, and what it is.

    `public_key_info` is the AlgorithmIdentifier of the public key; what stands behind it, the
    algorithms of post-quantum cryptography, exists since 1.4.
    """

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    total_key_pairs: int = wire(U8())
    key_pair_id: int = wire(U8())
    capabilities: int = wire(U16())
    usage_capabilities: int = wire(U16())
    usage: int = wire(U16())
    asym_capabilities: int = wire(U32())
    asym: int = wire(U32())
    public_key_info_length: int = wire(U16(), default=AUTO, counts="public_key_info")
    slots: int = wire(U8())
    public_key_info: bytes = wire(Counted("public_key_info_length"), default=b"")
    pqc_capabilities_length: int = wire(_PQC, default=AUTO, counts="pqc_capabilities")
    pqc_capabilities: bytes = wire(
        Since(Version.V1_4, Counted("pqc_capabilities_length")), default=bytes(4)
    )
    pqc_length: int = wire(_PQC, default=AUTO, counts="pqc")
    pqc: bytes = wire(Since(Version.V1_4, Counted("pqc_length")), default=bytes(4))


@message(Code.SET_KEY_PAIR_INFO)
class SetKeyPairInfo(Message):
    """Changes, erases or generates a key pair; `wanted` is a KeyPairWanted but for ERASE."""

    operation: int = wire(U8(KeyPairOperation))
    reserved: int = wire(U8(), default=0)
    key_pair_id: int = wire(U8())
    wanted: bytes = wire(Rest(), default=b"")


@structure
class KeyPairWanted(Structure):
    """What a key pair shall be; the algorithms of post-quantum cryptography exist since 1.4."""

    reserved: int = wire(U8(), default=0)
    usage: int = wire(U16())
    asym: int = wire(U32())
    slots: int = wire(U8())
    pqc_length: int = wire(_PQC, default=AUTO, counts="pqc")
    pqc: bytes = wire(Since(Version.V1_4, Counted("pqc_length")), default=bytes(4))


@message(Code.SET_KEY_PAIR_INFO_ACK)
class SetKeyPairInfoAck(Message):
    """The key pair is what it was told to be."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
