"""What a requester offers a device."""

from dataclasses import dataclass, replace

from emulator.device.device import QEMU_REPLY
from emulator.errors import EmulatorError
from emulator.spdm.algorithms import (
    AEADS,
    DHE_GROUPS,
    HASHES,
    KEY_SCHEDULES,
    MEASUREMENT_SPECIFICATION_DMTF,
    SIGNATURES,
    Algorithm,
    OpaqueFormat,
)
from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.negotiation import STRUCTURES
from emulator.spdm.secured_versions import ALL as ALL_SECURED
from emulator.spdm.secured_versions import SecuredVersion
from emulator.spdm.versions import RULES, Version
from emulator.transport.doe import HEADER_SIZE


def _offered(family: tuple[Algorithm, ...]) -> tuple[str, ...]:
    return tuple(row.name for row in family if row.offered)


def _rows(family: tuple[Algorithm, ...], wanted: tuple[str, ...]) -> tuple[Algorithm, ...]:
    """The rows of these names, in their order. Raises EmulatorError for one we cannot compute."""
    known = {row.name: row for row in family if row.offered}
    for name in wanted:
        if name not in known:
            raise EmulatorError(f"algorithm {name!r} where one of {', '.join(known)} is needed")
    return tuple(known[name] for name in wanted)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A requester's side of the negotiation. Raises EmulatorError for an unknown algorithm.

    Attributes:
        versions: the SPDM versions it speaks.
        capabilities: its flags, before a version masks them; they speak of what it can answer.
        ct_exponent: its CTExponent: cryptography takes it up to 2^n microseconds.
        asym: the signature algorithms it can verify, by name.
        hashes: the base hashes it can compute, by name.
        dhe: groups of key exchanges, by name.
        aead: what can seal the records of sessions, by name.
        key_schedule: key schedules, by name.
        req_asym: what it can sign with itself, by name.
        secured_versions: the versions of secured messages.
        opaque_formats: the opaque-data formats it can read.
        measurement_specification: the bits of MeasurementSpecification it knows; 0: no
            measurements.
        data_transfer_size: the largest message it takes in one piece, bytes.
        max_message: its MaxSPDMmsgSize, bytes; equal to `data_transfer_size` without CHUNK.
        certificate_portion: the largest portion of a chain to ask for, bytes; 0: what fits.
        ask_algorithms: ask for the supported-algorithms block (1.3, with CHUNK).
        multi_key: let a device that can do with one key use several (MULTI_KEY_NEG, since 1.3).
        retries: how often a request is repeated to a device that is busy or not ready.
    """

    versions: tuple[Version, ...] = tuple(RULES)
    capabilities: Cap = NONE
    ct_exponent: int = 0
    asym: tuple[str, ...] = _offered(SIGNATURES)
    hashes: tuple[str, ...] = _offered(HASHES)
    dhe: tuple[str, ...] = ()
    aead: tuple[str, ...] = ()
    key_schedule: tuple[str, ...] = ()
    req_asym: tuple[str, ...] = ()
    secured_versions: tuple[SecuredVersion, ...] = ALL_SECURED
    opaque_formats: int = OpaqueFormat.FORMAT_1
    measurement_specification: int = MEASUREMENT_SPECIFICATION_DMTF
    data_transfer_size: int = QEMU_REPLY - HEADER_SIZE
    max_message: int = QEMU_REPLY - HEADER_SIZE
    certificate_portion: int = 0
    ask_algorithms: bool = False
    multi_key: bool = False
    retries: int = 3

    def __post_init__(self) -> None:
        """Look the names up once, so that a wrong one is told here."""
        _ = self.asym_rows, self.hash_rows, self.session_rows

    @property
    def asym_rows(self) -> tuple[Algorithm, ...]:
        """The signature algorithms as rows of the table."""
        return _rows(SIGNATURES, self.asym)

    @property
    def hash_rows(self) -> tuple[Algorithm, ...]:
        """The base hashes as rows of the table."""
        return _rows(HASHES, self.hashes)

    @property
    def session_rows(self) -> dict[str, tuple[Algorithm, ...]]:
        """The algorithms of sessions as rows of the table, by attribute."""
        return {name: _rows(family, getattr(self, name)) for name, family in STRUCTURES.values()}


DEFAULT = Offer()
"""All versions and algorithms this package can compute, and a reply that QEMU's mailbox holds."""

IN_SESSION = Cap.ENCRYPT | Cap.MAC | Cap.HBEAT | Cap.KEY_UPD | Cap.ENCAP
"""What a requester offers for its sessions, however they are opened."""


def for_sessions(offer: Offer, how: Cap = Cap.KEY_EX) -> Offer:
    """`offer`, and sessions in addition.

    Args:
        offer: lists of algorithms for sessions that are empty in it get all that can be computed.
        how: KEY_EX, PSK or both; HANDSHAKE_IN_THE_CLEAR besides, where that is wanted.
    """
    return replace(
        offer,
        capabilities=offer.capabilities | IN_SESSION | how,
        dhe=offer.dhe or _offered(DHE_GROUPS),
        aead=offer.aead or _offered(AEADS),
        key_schedule=offer.key_schedule or _offered(KEY_SCHEDULES),
    )
