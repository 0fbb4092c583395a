"""The codes of TDISP's messages: libspdm `include/industry_standard/pci_tdisp.h`."""

from enum import IntEnum

VERSION = 0x10
"""TDISP 1.0, the version of all messages here."""

MAJOR = 0xF0
"""The bits of the major version."""


class Response(IntEnum):
    """What answers; a request's code without its highest bit, or ERROR."""

    TDISP_VERSION = 0x01
    TDISP_CAPABILITIES = 0x02
    LOCK_INTERFACE_RESPONSE = 0x03
    DEVICE_INTERFACE_REPORT = 0x04
    DEVICE_INTERFACE_STATE = 0x05
    START_INTERFACE_RESPONSE = 0x06
    STOP_INTERFACE_RESPONSE = 0x07
    BIND_P2P_STREAM_RESPONSE = 0x08
    UNBIND_P2P_STREAM_RESPONSE = 0x09
    SET_MMIO_ATTRIBUTE_RESPONSE = 0x0A
    VDM_RESPONSE = 0x0B
    TDISP_ERROR = 0x7F


class ErrorCode(IntEnum):
    """Why a request was refused (PCI_TDISP_ERROR_CODE_*)."""

    INVALID_REQUEST = 0x01
    BUSY = 0x03
    INVALID_INTERFACE_STATE = 0x04
    UNSPECIFIED = 0x05
    UNSUPPORTED_REQUEST = 0x07
    VERSION_MISMATCH = 0x41
    VENDOR_SPECIFIC_ERROR = 0xFF
    INVALID_INTERFACE = 0x101
    INVALID_NONCE = 0x102
    INSUFFICIENT_ENTROPY = 0x103
    INVALID_DEVICE_CONFIGURATION = 0x104
