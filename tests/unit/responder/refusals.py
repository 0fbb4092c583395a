"""Every way a request can be wrong, one at a time, and the ERROR libspdm answers it with.

Sources: libspdm `library/spdm_responder_lib/libspdm_rsp_*.c`; the codes are `spdm.h`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass

from devices import (
    GET_VERSION,
    challenge,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    vendor_request,
)

from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State

INVALID, UNEXPECTED, UNSPECIFIED, UNSUPPORTED = 0x01, 0x04, 0x05, 0x07
RESPONSE_TOO_LARGE, REQUEST_TOO_LARGE, MISMATCH = 0x0D, 0x0E, 0x41

START, VERSION, CAPABILITIES, NEGOTIATED = list(State)[:4]

Build = Callable[[int], bytes]

GOOD: dict[str, tuple[State, Build]] = {
    "GET_VERSION": (START, lambda _version: GET_VERSION),
    "GET_CAPABILITIES": (VERSION, get_capabilities),
    "NEGOTIATE_ALGORITHMS": (CAPABILITIES, negotiate_algorithms),
    "GET_DIGESTS": (NEGOTIATED, get_digests),
    "GET_CERTIFICATE": (NEGOTIATED, get_certificate),
    "CHALLENGE": (NEGOTIATED, challenge),
    "GET_MEASUREMENTS": (NEGOTIATED, get_measurements),
    "signed GET_MEASUREMENTS": (NEGOTIATED, lambda v: get_measurements(v, signed=True)),
    "VENDOR_DEFINED_REQUEST": (NEGOTIATED, lambda v: vendor_request(v, payload=b"hello")),
}
"""A good request of each kind, and the first state it is good in."""


@dataclass(frozen=True)
class Refusal:
    """A request that breaks one rule in `state`; `only` limits it to one version."""

    name: str
    state: State
    request: Build
    code: int = INVALID
    data: int = 0
    only: int | None = None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def _row(kind: int, count: int = 0x20, supported: int = 1) -> bytes:
    return bytes((kind, count, supported & 0xFF, supported >> 8))


def _capabilities(**fields: int) -> Build:
    return lambda version: get_capabilities(version, **fields)


def _algorithms(*structures: bytes, external: tuple[int, int] = (0, 0), **fields: int) -> Build:
    return lambda version: negotiate_algorithms(
        version,
        structures=structures,
        external=external,
        **fields,
    )


def _miscounted(version: int) -> bytes:
    """One structure is stated and none is there."""
    raw = bytearray(negotiate_algorithms(version))
    raw[2] = 1
    return bytes(raw)


SESSION = Cap.KEY_EX | Cap.MAC

CAPABILITY_VALUES = [
    ("DataTransferSize 41", _capabilities(size=41)),
    ("DataTransferSize 0", _capabilities(size=0)),
    ("DataTransferSize above MaxSPDMmsgSize", _capabilities(size=100, largest=99)),
    ("DataTransferSize below it without CHUNK", _capabilities(size=100, largest=101)),
    ("above it with CHUNK", _capabilities(size=100, largest=99, flags=Cap.CHUNK)),
    ("CTExponent 32", _capabilities(exponent=32)),
    ("CTExponent 255", _capabilities(exponent=255)),
    ("PSK reserved", _capabilities(flags=Cap.PSK_WITH_CONTEXT | Cap.MAC)),
    ("KEY_EX alone", _capabilities(flags=Cap.KEY_EX)),
    ("MAC alone", _capabilities(flags=Cap.MAC)),
    (
        "HANDSHAKE_IN_THE_CLEAR with PSK",
        _capabilities(flags=Cap.PSK | Cap.MAC | Cap.HANDSHAKE_IN_THE_CLEAR),
    ),
    ("CERT and PUB_KEY_ID", _capabilities(flags=Cap.CERT | Cap.CHAL | Cap.PUB_KEY_ID)),
    ("CERT for nothing", _capabilities(flags=Cap.CERT)),
    ("CHAL without CERT", _capabilities(flags=Cap.CHAL)),
    ("MUT_AUTH without CERT", _capabilities(flags=SESSION | Cap.MUT_AUTH)),
]

ALGORITHM_VALUES = [
    ("Length too small", _algorithms(length=31)),
    ("Length too large", _algorithms(length=33)),
    ("Length includes padding", lambda v: negotiate_algorithms(v, length=35) + bytes(3)),
    ("Length above 128", _algorithms(length=0x84)),
    ("Length of 0", _algorithms(length=0)),
    ("21 external algorithms", _algorithms(external=(20, 1))),
    ("21 external in structures", _algorithms(_row(2, 0x21) + bytes(4), external=(10, 10))),
    ("structure of type 0", _algorithms(_row(0))),
    ("structure of type 1", _algorithms(_row(1))),
    ("structure of a type of 1.4", _algorithms(_row(6))),
    ("structure of type 255", _algorithms(_row(255))),
    ("structures equal", _algorithms(_row(3), _row(3))),
    ("structures falling", _algorithms(_row(3), _row(2))),
    ("AlgCount 1", _algorithms(_row(2, 0x10))),
    ("AlgCount 3", _algorithms(_row(2, 0x30))),
    ("structure of nothing", _algorithms(_row(2, supported=0))),
    ("structure missing", _miscounted),
    ("no hash in common", _algorithms(base_hash=0x3C)),
    ("no hash at all", _algorithms(base_hash=0)),
    ("no signature in common", _algorithms(asym=0x6F)),
    ("no signature at all", _algorithms(asym=0)),
    ("another measurement specification", _algorithms(specification=0xFE)),
]

SLOT_VALUES = [
    *(
        (f"GET_CERTIFICATE of slot {slot}", lambda v, s=slot: get_certificate(v, slot=s))
        for slot in (1, 7, 8, 15, 0xFF)
    ),
    *(
        (f"CHALLENGE of slot {slot}", lambda v, s=slot: challenge(v, slot=s))
        for slot in (1, 7, 8, 15, 0x10, 0xFF)
    ),
    *(
        (
            f"GET_MEASUREMENTS signed by slot {slot}",
            lambda v, s=slot: get_measurements(v, signed=True, slot=s),
        )
        for slot in (1, 7, 8, 15, 0xFF)
    ),
]

OTHER_VALUES = [
    ("offset past the chain", lambda v: get_certificate(v, offset=0xFFFF)),
    *(
        (f"summary type {kind}", lambda v, k=kind: challenge(v, summary=k))
        for kind in (2, 0x80, 0xFE)
    ),
    *(
        (f"measurement {index}", lambda v, i=index: get_measurements(v, i))
        for index in (4, 6, 0xFD)
    ),
    ("vendor id of 1 byte", lambda v: vendor_request(v, vendor=b"\x01")),
    ("vendor id of 4 bytes", lambda v: vendor_request(v, vendor=bytes(4))),
    ("payload cut off", lambda v: vendor_request(v, payload=b"hello")[:-1]),
]

REFUSALS = (
    *(Refusal(f"GET_CAPABILITIES {name}", VERSION, build) for name, build in CAPABILITY_VALUES),
    Refusal(
        "GET_CAPABILITIES algorithms without CHUNK", VERSION, _capabilities(param1=1), only=0x13
    ),
    Refusal("GET_CAPABILITIES EVENT alone", VERSION, _capabilities(flags=Cap.EVENT), only=0x13),
    *(Refusal(f"NEGOTIATE {name}", CAPABILITIES, build) for name, build in ALGORITHM_VALUES),
    Refusal("NEGOTIATE several keys", CAPABILITIES, _algorithms(other=0x12), only=0x13),
    *(Refusal(name, NEGOTIATED, build) for name, build in (*SLOT_VALUES, *OTHER_VALUES)),
    Refusal("vendor unknown", NEGOTIATED, vendor_request, UNSUPPORTED, 0xFE),
)
"""Values that break one rule of a request's own."""
