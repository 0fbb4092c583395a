"""NEGOTIATE_ALGORITHMS.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_negotiate_algorithms.c`.
"""

from dataclasses import replace
from typing import Any

from emulator.ask.request import Request
from emulator.errors import BrokenReply, UnsupportedByPeer
from emulator.spdm.algorithms import (
    HASHES,
    MEASUREMENT_HASHES,
    MULTI_KEY_CONN,
    OPAQUE_FORMAT_MASK,
    SIGNATURES,
    Algorithm,
    AlgType,
    mask,
    names,
)
from emulator.spdm.capabilities import MEAS, MULTI_KEY, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Algorithms, AlgorithmStructure, NegotiateAlgorithms
from emulator.spdm.messages.algorithms import FIXED_SIZE
from emulator.spdm.messages.measurement_log import MEL_SPECIFICATION_DMTF
from emulator.spdm.negotiation import STRUCTURES, Negotiated, needed
from emulator.spdm.transcript import Part
from emulator.spdm.versions import rules
from emulator.wire import encode

_NAME = "ALGORITHMS"


class AlgorithmsRequest(Request[Negotiated]):
    """Offers algorithms; the reply is what the peer selected, one of each at most.

    A structure is sent for each kind of algorithm of sessions that is offered.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        asym: tuple[Algorithm, ...],
        hashes: tuple[Algorithm, ...],
        measurement_specification: int,
        opaque_formats: int,
        dhe: tuple[Algorithm, ...] = (),
        aead: tuple[Algorithm, ...] = (),
        key_schedule: tuple[Algorithm, ...] = (),
        multi_key: bool = False,
        req_asym: tuple[Algorithm, ...] = (),
    ) -> None:
        """Our rows, and the bits of MeasurementSpecification and of OpaqueFormat we know.

        `multi_key`: the peer is to use several keys, where it can do with one (MULTI_KEY_NEG).
        """
        version = connection.version
        theirs = connection.peer_capabilities
        self._multi_key = rules(version).multi_key and bool(
            Cap.MULTI_KEY_ONLY in theirs or (multi_key and Cap.MULTI_KEY_NEG in theirs)
        )
        self._asym = tuple(row for row in asym if row.since <= version)
        self._hashes = tuple(row for row in hashes if row.since <= version)
        offered = {
            AlgType.DHE: dhe,
            AlgType.AEAD: aead,
            AlgType.REQ_BASE_ASYM: req_asym,
            AlgType.KEY_SCHEDULE: key_schedule,
        }
        self._structures = {
            kind: known
            for kind, rows in offered.items()
            if (known := tuple(row for row in rows if row.since <= version))
        }
        message = NegotiateAlgorithms(
            version=version,
            length=0,
            measurement_specification=measurement_specification,
            other_params=(opaque_formats if rules(version).opaque_negotiated else 0)
            | (MULTI_KEY_CONN if self._multi_key else 0),
            # Asked for where the peer has a log; before 1.3 it has none, and the field is reserved.
            mel_specification=MEL_SPECIFICATION_DMTF
            if Cap.MEL in connection.peer_capabilities
            else 0,
            base_asym=mask(self._asym),
            base_hash=mask(self._hashes),
            structures=tuple(
                AlgorithmStructure(kind=kind, supported=mask(rows))
                for kind, rows in self._structures.items()
            ),
        )
        length = len(encode(message, connection.shape()))
        self._offer = replace(message, length=length)
        super().__init__(connection, self._offer)

    def _accept(self, reply: bytes) -> Negotiated:
        theirs, raw = self._read(Algorithms, reply, self.connection.shape())
        if theirs.length != len(raw):
            raise BrokenReply(_NAME, "length", found=theirs.length, expected=len(raw))
        for field in ("ext_asym_count", "ext_hash_count"):
            if count := getattr(theirs, field):
                raise BrokenReply(_NAME, field, found=count, expected="0, as none was offered")
        self._check_structures(theirs)
        wanted = needed(self.connection.peer_capabilities, self.connection.local_capabilities)
        measured, specification = self._measurements(theirs)
        structures: dict[str, Any] = {
            name: self._structure(theirs, kind, needed=name in wanted)
            for kind, (name, _) in STRUCTURES.items()
        }
        negotiated = Negotiated(
            measurement_specification=specification,
            measurement_hash=measured,
            asym=_selected(
                "base_asym", theirs.base_asym, self._asym, SIGNATURES, needed="asym" in wanted
            ),
            hash=_selected(
                "base_hash", theirs.base_hash, self._hashes, HASHES, needed="hash" in wanted
            ),
            other_params=self._other_params(theirs),
            mel_specification=self._log(theirs),
            multi_key=self._multi_key,
            requester_keys=self._own_keys(theirs),
            **structures,
        )
        self._record(Part.A, raw)
        self.connection.algorithms = negotiated
        return negotiated

    def _check_structures(self, theirs: Algorithms) -> None:
        """One for each we sent at most, in the same order, each of two bytes and nothing more."""
        found = [int(one.kind) for one in theirs.structures]
        ours = [int(kind) for kind in self._structures]
        if found != [kind for kind in ours if kind in found]:
            told = ", ".join(map(str, found))
            of = f"some of {', '.join(map(str, ours))} in this order" if ours else ""
            expected = of or "none, as none was offered"
            raise BrokenReply(_NAME, "structures", found=f"types {told}", expected=expected)
        for number, one in enumerate(theirs.structures):
            if one.count != FIXED_SIZE << 4:
                field = f"structures[{number}].count"
                raise BrokenReply(_NAME, field, found=f"0x{one.count:02x}", expected="0x20")

    def _structure(self, theirs: Algorithms, kind: AlgType, *, needed: bool) -> Algorithm | None:
        """The row selected in the structure of this type."""
        name, family = STRUCTURES[kind]
        bits = next((one.supported for one in theirs.structures if one.kind == kind), 0)
        return _selected(name, bits, self._structures.get(kind, ()), family, needed=needed)

    def _measurements(self, theirs: Algorithms) -> tuple[Algorithm | None, int]:
        """The measurement hash and specification: both, where the peer measures and we asked."""
        offered = self._offer.measurement_specification
        found = theirs.measurement_specification
        if not (self.connection.peer_capabilities & MEAS and offered):
            if found:
                expected = "0x00, as there are no measurements to agree on"
                raise BrokenReply(
                    _NAME, "measurement_specification", found=f"0x{found:02x}", expected=expected
                )
            return None, 0
        if found.bit_count() != 1 or not found & offered:
            expected = f"one bit of the offer 0x{offered:02x}"
            raise BrokenReply(
                _NAME, "measurement_specification", found=f"0x{found:02x}", expected=expected
            )
        # The measurement hash is the peer's own choice: any one that is known.
        measured = _selected(
            "measurement_hash",
            theirs.measurement_hash,
            MEASUREMENT_HASHES,
            MEASUREMENT_HASHES,
            needed=True,
        )
        return measured, found

    def _log(self, theirs: Algorithms) -> int:
        """The form of the log of measurements: that which was offered, where the peer has one."""
        found, offered = theirs.mel_specification, self._offer.mel_specification
        if rules(theirs.version).measurement_log and found != offered:
            found_, expected = f"0x{found:02x}", f"0x{offered:02x}"
            raise BrokenReply(_NAME, "mel_specification", found=found_, expected=expected)
        return offered

    def _other_params(self, theirs: Algorithms) -> int:
        """The opaque-data format, one at most."""
        if not rules(theirs.version).opaque_negotiated:
            return 0
        bits = theirs.other_params & OPAQUE_FORMAT_MASK
        offered = self._offer.other_params & OPAQUE_FORMAT_MASK
        if bits.bit_count() > 1 or bits & ~offered:
            raise BrokenReply(
                _NAME,
                "other_params",
                found=f"0x{theirs.other_params:02x}",
                expected=f"one opaque-data format of the offer 0x{offered:02x} or none",
            )
        return bits

    def _own_keys(self, theirs: Algorithms) -> bool:
        """Whether we may use several keys; only where we can, and always where we only can."""
        if not rules(theirs.version).multi_key:
            return False
        ours = self.connection.local_capabilities
        several = bool(theirs.other_params & MULTI_KEY_CONN)
        if several and not ours & MULTI_KEY:
            expected = "no MULTI_KEY_CONN, as our own key is one"
        elif not several and Cap.MULTI_KEY_ONLY in ours:
            expected = "MULTI_KEY_CONN, as we can only use several keys"
        else:
            return several
        found = f"0x{theirs.other_params:02x}"
        raise BrokenReply(_NAME, "other_params", found=found, expected=expected)


def _selected(
    field: str,
    bits: int,
    offered: tuple[Algorithm, ...],
    family: tuple[Algorithm, ...],
    *,
    needed: bool,
) -> Algorithm | None:
    """The one row selected of those offered; None for no bit, where none is needed."""
    if not bits and not needed:
        return None
    for row in offered:
        if row.bit == bits:
            return row
    wanted = ", ".join(row.name for row in offered)
    if not bits:
        raise UnsupportedByPeer(f"{_NAME}.{field}: the peer selected none of {wanted}")
    found = f"{' and '.join(names(family, bits))} (0x{bits:x})"
    raise BrokenReply(_NAME, field, found=found, expected=f"one of {wanted}")
