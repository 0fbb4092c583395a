"""Every message of provisioning as the C header lays it out; see `samples.py`."""

from emulator.spdm.codes import Code
from emulator.wire import Shape

Parts = tuple[tuple[str, bytes], ...]


def _get_csr(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("key_pair_id", b"\x01"), ("attributes", b"\x91")),
        *(("requester_info_length", b"\x04\0"), ("opaque_length", b"\x06\0")),
        *(("requester_info", b"info"), ("opaque", b"opaque")),
    )


def _csr(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("reserved1", b"\0"), ("reserved2", b"\0"), ("csr_length", b"\x03\0")),
        *(("reserved", b"\0\0"), ("csr", b"csr")),
    )


def _set_certificate(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("attributes", b"\x12"), ("key_pair_id", b"\x01"), ("chain", b"chain"))


def _set_certificate_rsp(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("slot", b"\x02"), ("reserved", b"\0"))


def _get_key_pair_info(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("reserved1", b"\0"), ("reserved2", b"\0"), ("key_pair_id", b"\x01"))


def _key_pair_info(version: int, shape: Shape) -> Parts:
    del shape
    later: Parts = (
        *(("pqc_capabilities_length", b"\x04"), ("pqc_capabilities", b"\x07\0\0\0")),
        *(("pqc_length", b"\x04"), ("pqc", b"\x02\0\0\0")),
    )
    return (
        *(("reserved1", b"\0"), ("reserved2", b"\0"), ("total_key_pairs", b"\x03")),
        *(("key_pair_id", b"\x01"), ("capabilities", b"\x3f\0")),
        *(("usage_capabilities", b"\x0f\xc0"), ("usage", b"\x03\0")),
        *(("asym_capabilities", b"\x18\0\0\0"), ("asym", b"\x10\0\0\0")),
        *(("public_key_info_length", b"\x04\0"), ("slots", b"\x11")),
        ("public_key_info", b"info"),
        *(later if version >= 0x14 else ()),
    )


def _set_key_pair_info(version: int, shape: Shape) -> Parts:
    """What is wanted stands behind the fields that an erasure has too."""
    del version, shape
    wanted = b"\0\x03\0\x10\0\0\0\x01"
    return (
        *(("operation", b"\x02"), ("reserved", b"\0"), ("key_pair_id", b"\x01")),
        ("wanted", wanted),
    )


def _header(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("reserved1", b"\0"), ("reserved2", b"\0"))


BUILDERS = {
    Code.GET_CSR: _get_csr,
    Code.CSR: _csr,
    Code.SET_CERTIFICATE: _set_certificate,
    Code.SET_CERTIFICATE_RSP: _set_certificate_rsp,
    Code.GET_KEY_PAIR_INFO: _get_key_pair_info,
    Code.KEY_PAIR_INFO: _key_pair_info,
    Code.SET_KEY_PAIR_INFO: _set_key_pair_info,
    Code.SET_KEY_PAIR_INFO_ACK: _header,
}

OPEN_ENDED = {Code.SET_CERTIFICATE, Code.SET_KEY_PAIR_INFO}
