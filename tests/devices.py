"""Devices built without a profile, the requests to ask them, and a peer that asks.

Requests are put together here byte by byte, not by the layouts under test.
"""

import struct
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from chains import issued

from emulator.device import (
    CertificateChain,
    Device,
    Measurement,
    Measurements,
    PciIdentity,
    Sizes,
    Slot,
    Timing,
)
from emulator.device.sessions import Sessions
from emulator.entropy import Entropy, Seeded
from emulator.responder import Reply, Responder
from emulator.spdm import algorithms
from emulator.spdm.agreement import Agreement
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.negotiation import Preferences
from emulator.spdm.stages import Stages
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version
from emulator.spdm.work import finish
from emulator.transport import doe
from emulator.vendor import Registry

IDENTITY = PciIdentity(0x1B36, 0x0010, 0x010802, 0x02, 0x1AF4, 0x1100)
SCHEMES = ("ECDSA_P384", "ECDSA_P256")
HASHES = ("SHA_384", "SHA_256")
VERSIONS = (Version.V1_2, Version.V1_3)
CAPABILITIES = Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.MEAS_FRESH
MEASURED = (
    Measurement(1, 0, b"immutable rom"),
    Measurement(2, 1, b"mutable firmware"),
    Measurement(3, 0, b"second rom", raw=True),
    Measurement(5, 2, bytes(range(48)), digested=True),
    Measurement(0xFE, 7, bytes(8), raw=True),
)


@cache
def chain(scheme: str, slot: int = 0) -> CertificateChain:
    """The chain, and the key, that a device of these tests holds in `slot`."""
    made = issued(scheme, common_name=f"slot {slot}", secret=b"slot %d" % slot)
    return CertificateChain(made.certificates, made.root, made.key)


def device(
    *,
    versions: tuple[Version, ...] = VERSIONS,
    capabilities: Cap = CAPABILITIES,
    asym: tuple[str, ...] = SCHEMES,
    base_hash: tuple[str, ...] = HASHES,
    measurement_hash: str | None = "SHA_384",
    opaque_format: int = 2,
    slots: Mapping[int, tuple[str, ...]] | None = None,
    measurements: tuple[Measurement, ...] = MEASURED,
    entropy: Entropy | None = None,
    sizes: Sizes | None = None,
    timing: Timing | None = None,
    challenge_opaque: Mapping[int, bytes] | None = None,
    measurement_opaque: Mapping[int, bytes] | None = None,
    provisioned_agreement: Agreement | None = None,
    dhe: tuple[str, ...] = (),
    aead: tuple[str, ...] = (),
    sessions: Sessions | None = None,
) -> Device:
    """A device with slots 0 and 2 for both schemes; `slots` gives other numbers and schemes."""
    held = {0: SCHEMES, 2: SCHEMES} if slots is None else slots
    measured = (
        algorithms.by_name(algorithms.MEASUREMENT_HASHES, measurement_hash)
        if measurement_hash
        else None
    )
    return Device(
        name="device",
        identity=IDENTITY,
        versions=versions,
        capabilities=capabilities,
        preferences=Preferences(
            asym=tuple(algorithms.by_name(algorithms.SIGNATURES, name) for name in asym),
            hash=tuple(algorithms.by_name(algorithms.HASHES, name) for name in base_hash),
            measurement_hash=measured,
            opaque_format=opaque_format,
            dhe=tuple(algorithms.by_name(algorithms.DHE_GROUPS, name) for name in dhe),
            aead=tuple(algorithms.by_name(algorithms.AEADS, name) for name in aead),
            key_schedule=algorithms.KEY_SCHEDULES if aead else (),
        ),
        slots={
            number: Slot({scheme: chain(scheme, number) for scheme in schemes})
            for number, schemes in held.items()
        },
        measurements=Measurements(measurements),
        entropy=entropy or Seeded("tests"),
        sizes=sizes or Sizes(),
        timing=timing or Timing(),
        challenge_opaque=challenge_opaque or {},
        measurement_opaque=measurement_opaque or {},
        provisioned_agreement=provisioned_agreement,
        sessions=sessions or Sessions(),
    )


GET_VERSION = bytes.fromhex("10840000")

P256_SHA256 = (0x10, 0x01)
P384_SHA384 = (0x80, 0x02)


def get_capabilities(
    version: int = 0x13,
    *,
    flags: int = 0,
    size: int = 0x1200,
    largest: int | None = None,
    exponent: int = 0,
    param1: int = 0,
) -> bytes:
    """GET_CAPABILITIES; `largest` is MaxSPDMmsgSize, `size` where it is not given."""
    sizes = (size, size if largest is None else largest)
    return struct.pack("<6BHIII", version, 0xE1, param1, 0, 0, exponent, 0, flags, *sizes)


def negotiate_algorithms(
    version: int = 0x13,
    *,
    asym: int = 0x90,
    base_hash: int = 0x03,
    specification: int = 1,
    other: int = 0x02,
    structures: tuple[bytes, ...] = (),
    external: tuple[int, int] = (0, 0),
    length: int | None = None,
    mel: int = 0,
) -> bytes:
    """NEGOTIATE_ALGORITHMS; `external` counts external asymmetric algorithms and hashes."""
    tail = bytes(4 * sum(external)) + b"".join(structures)
    stated = 32 + len(tail) if length is None else length
    head = (version, 0xE3, len(structures), 0, stated, specification, other, asym, base_hash)
    return struct.pack("<4BHBBII12xBBBB", *head, *external, 0, mel) + tail


def get_digests(version: int = 0x13) -> bytes:
    """GET_DIGESTS."""
    return bytes((version, 0x81, 0, 0))


def get_certificate(
    version: int = 0x13, *, slot: int = 0, offset: int = 0, length: int = 0xFFFF, param2: int = 0
) -> bytes:
    """GET_CERTIFICATE."""
    return struct.pack("<4BHH", version, 0x82, slot, param2, offset, length)


def challenge(
    version: int = 0x13,
    *,
    slot: int = 0,
    summary: int = 0,
    nonce: bytes = bytes(range(32)),
    context: bytes = b"context!",
) -> bytes:
    """CHALLENGE, which has a context since 1.3."""
    tail = nonce + (context if version >= 0x13 else b"")
    return bytes((version, 0x83, slot, summary)) + tail


def get_measurements(
    version: int = 0x13,
    operation: int = 0xFF,
    *,
    signed: bool = False,
    attributes: int = 0,
    slot: int = 0,
    nonce: bytes = bytes(range(32)),
    context: bytes = b"context!",
) -> bytes:
    """GET_MEASUREMENTS: 0 counts, 0xFF asks for all."""
    tail = nonce + bytes((slot,)) if signed else b""
    tail += context if version >= 0x13 else b""
    return bytes((version, 0xE0, attributes | signed, operation)) + tail


def vendor_request(
    version: int = 0x13, *, standard: int = 3, vendor: bytes = b"\x01\x00", payload: bytes = b""
) -> bytes:
    """VENDOR_DEFINED_REQUEST."""
    head = struct.pack("<4BHB", version, 0xFE, 0, 0, standard, len(vendor))
    return head + vendor + struct.pack("<H", len(payload)) + payload


def error(version: int, code: int, data: int = 0, extended: bytes = b"") -> bytes:
    """The ERROR message."""
    return bytes((version, 0x7F, code, data)) + extended


def frame(payload: bytes = b"", *, command: int = 1, transport: int = 2) -> bytes:
    """One spdm-socket frame: NORMAL over PCI DOE, where nothing else is said."""
    return struct.pack(">III", command, transport, len(payload)) + payload


def data_object(payload: bytes, *, kind: int = 1, vendor: int = 1) -> bytes:
    """A DOE data object, padded: CMA/SPDM, where nothing else is said."""
    padded = payload + bytes(-len(payload) % 4)
    return struct.pack("<HBBI", vendor, kind, 0, 2 + len(padded) // 4) + padded


def spdm_frame(message: bytes) -> bytes:
    """The frame of the data object of an SPDM message."""
    return frame(data_object(message))


class SeenFrame(NamedTuple):
    """A frame that came back."""

    command: int
    transport: int
    payload: bytes


def seen_frames(stream: bytes) -> list[SeenFrame]:
    """The frames in `stream`, which must hold nothing else."""
    seen = []
    while stream:
        command, transport, size = struct.unpack_from(">III", stream)
        assert len(stream) >= 12 + size, "the last frame is cut off"
        seen.append(SeenFrame(command, transport, stream[12 : 12 + size]))
        stream = stream[12 + size :]
    return seen


class Snapshot(NamedTuple):
    """Everything a connection knows, to compare before with after."""

    fields: dict[str, object]
    parts: dict[Part, tuple[bytes, ...]]


def snapshot(connection: Connection) -> Snapshot:
    """What `connection` knows now."""
    names = [name for name in connection.__slots__ if name != "transcript"]
    parts = {part: tuple(e.raw for e in connection.transcript.part(part)) for part in Part}
    return Snapshot({name: getattr(connection, name) for name in names}, parts)


class Peer:
    """One connection to a device: asks, commits every reply, and keeps what was said.

    Attributes:
        responder: the device's end.
        said: each request and its reply, in order; a request without response is left out.
        now: the time at which the next request comes, seconds.
    """

    def __init__(
        self,
        to: Device | None = None,
        *,
        version: int = 0x13,
        vendors: Registry | None = None,
        stages: Stages | None = None,
    ) -> None:
        asked = device() if to is None else to
        number, entropy = asked.attach()
        self.responder = Responder(asked, entropy, number=number, vendors=vendors, stages=stages)
        self.version = version
        self.said: list[tuple[bytes, bytes]] = []
        self.now = 0.0

    @property
    def connection(self) -> Connection:
        """The device's state of the connection."""
        return self.responder.connection

    def exchange(self, request: bytes) -> Reply:
        """Send a request and commit what its reply brings."""
        reply = finish(self.responder.respond(request, slack=doe.PADDING, now=self.now))
        reply.commit()
        if reply.data is not None:
            self.said.append((request, reply.data))
        return reply

    def ask(self, request: bytes) -> bytes:
        """The reply to a request, which must have one."""
        data = self.exchange(request).data
        assert data is not None, f"no response to {request.hex()}"
        return data

    def good(self, request: bytes) -> bytes:
        """The reply to a request, which must be the response that belongs to it."""
        reply = self.ask(request)
        assert reply[1] == request[1] & 0x7F, f"{request.hex()} was answered with {reply.hex()}"
        return reply

    def climb(self, state: State, *, asym: int = 0x90, base_hash: int = 0x03) -> "Peer":
        """Bring a new connection to `state` with good requests."""
        version = self.version
        steps = {
            State.AFTER_VERSION: GET_VERSION,
            State.AFTER_CAPABILITIES: get_capabilities(version),
            State.NEGOTIATED: negotiate_algorithms(version, asym=asym, base_hash=base_hash),
            State.AFTER_DIGESTS: get_digests(version),
            State.AFTER_CERTIFICATE: get_certificate(version),
            State.AUTHENTICATED: challenge(version),
        }
        for reached, request in steps.items():
            if reached <= state:
                self.good(request)
        assert self.connection.state == state
        return self


def negotiated(
    to: Device | None = None,
    *,
    version: int = 0x13,
    vendors: Registry | None = None,
    stages: Stages | None = None,
) -> Peer:
    """A peer of `to` that has negotiated P-384 and SHA-384, where the device prefers them."""
    return Peer(to, version=version, vendors=vendors, stages=stages).climb(State.NEGOTIATED)
