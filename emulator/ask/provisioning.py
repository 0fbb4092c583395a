"""GET_CSR, SET_CERTIFICATE, GET_KEY_PAIR_INFO and SET_KEY_PAIR_INFO.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_get_csr.c`, `libspdm_req_set_certificate.c`,
`libspdm_req_get_key_pair_info.c` and `libspdm_req_set_key_pair_info.c`.
"""

from dataclasses import dataclass

from emulator.ask.request import Request
from emulator.errors import BrokenReply, EmulatorError, UnsupportedByPeer
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.key_pairs import CertificateModel, KeyPairCap, KeyUsage, key_types
from emulator.spdm.messages import (
    Csr,
    GetCsr,
    GetKeyPairInfo,
    KeyPairInfo,
    SetCertificate,
    SetCertificateRsp,
    SetKeyPairInfo,
    SetKeyPairInfoAck,
)
from emulator.spdm.messages.certificates import SLOT_COUNT, SLOT_MASK
from emulator.spdm.messages.provisioning import (
    CSR_OVERWRITE,
    CSR_TAG_SHIFT,
    ERASE,
    MODEL_SHIFT,
    KeyPairOperation,
    KeyPairWanted,
)
from emulator.spdm.versions import Version, rules
from emulator.wire import Shape

_INFO = "KEY_PAIR_INFO"

_SPARE = 6
"""Bytes that libspdm's responder leaves behind KEY_PAIR_INFO of 1.4 (`libspdm_rsp_key_pair_info.c`:
it makes room for four numbers of 32 bits, and two of them are written, each with a byte before)."""


def _check_version(connection: Connection, since: Version) -> None:
    if connection.version < since:
        raise UnsupportedByPeer(f"this can be asked for since {since.text}")


def _parameters(
    connection: Connection, key_pair: int, model: CertificateModel
) -> tuple[int, CertificateModel]:
    """Key pair and model as they are sent: named exactly where several keys are used."""
    if not connection.algorithms.multi_key:
        if key_pair:
            raise EmulatorError(f"key pair {key_pair} is named where one key is used")
        return 0, CertificateModel.NONE
    if not key_pair:
        raise EmulatorError("no key pair is named where several keys are used")
    return key_pair, model


class CsrRequest(Request[bytes]):
    """Asks for a certificate signing request; the reply is its DER.

    A peer that needs a reset first answers with ERROR ResetRequired, whose data is a tag; after the
    reset the same request with that `tag` is answered.
    """

    needs = Cap.CSR

    def __init__(
        self,
        connection: Connection,
        *,
        key_pair: int = 0,
        model: CertificateModel = CertificateModel.DEVICE,
        tag: int = 0,
        overwrite: bool = False,
        requester_info: bytes = b"",
        opaque: bytes = b"",
    ) -> None:
        """Ask for one.

        Args:
            connection: where to.
            key_pair: whose key, where several are used; 0 where one is.
            model: the certificate model, where several keys are used.
            tag: which of the requests that waited for a reset this is, since 1.3.
            overwrite: give up all that wait, since 1.3.
            requester_info: a CertificationRequestInfo, DER; empty: nothing is wanted.
            opaque: opaque data.
        """
        _check_version(connection, Version.V1_2)
        key_pair, model = _parameters(connection, key_pair, model)
        attributes = model | tag << CSR_TAG_SHIFT | (CSR_OVERWRITE if overwrite else 0)
        message = GetCsr(
            version=connection.version,
            key_pair_id=key_pair,
            attributes=attributes if rules(connection.version).multi_key else 0,
            requester_info=requester_info,
            opaque=opaque,
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> bytes:
        theirs, raw = self._read(Csr, reply, self.connection.shape())
        if not theirs.csr:
            raise BrokenReply("CSR", "csr_length", found="0", expected="1 or more")
        self._record(None, raw)
        return theirs.csr


class SetCertificateRequest(Request[None]):
    """Has a chain installed in a slot, or the slot emptied.

    A peer that needs a reset first answers with ERROR ResetRequired.
    """

    needs = Cap.SET_CERT

    def __init__(
        self,
        connection: Connection,
        *,
        slot: int,
        chain: bytes = b"",
        key_pair: int = 0,
        model: CertificateModel = CertificateModel.DEVICE,
        erase: bool = False,
    ) -> None:
        """Install `chain`, as SPDM carries it, for `key_pair` where several are used.

        `erase`: empty the slot instead, since 1.3.
        """
        _check_version(connection, Version.V1_3 if erase else Version.V1_2)
        if not 0 <= slot < SLOT_COUNT:
            raise EmulatorError(f"slot {slot} where slots are 0 to {SLOT_COUNT - 1}")
        key_pair, model = _parameters(connection, key_pair, model)
        attributes = slot | (ERASE if erase else model << MODEL_SHIFT)
        self._slot = slot
        message = SetCertificate(
            version=connection.version,
            attributes=attributes,
            key_pair_id=key_pair,
            chain=b"" if erase else chain,
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> None:
        theirs, raw = self._read(SetCertificateRsp, reply, self.connection.shape())
        slot = theirs.slot & SLOT_MASK
        if slot != self._slot:
            raise BrokenReply("SET_CERTIFICATE_RSP", "slot", found=slot, expected=self._slot)
        self._record(None, raw)


@dataclass(frozen=True)
class KeyPairFacts:
    """What KEY_PAIR_INFO says.

    Attributes:
        total: how many key pairs there are.
        number: which it is, from 1.
        capabilities: what may be done to it.
        uses: what its key can be made to be used for.
        usage: what it may be used for now.
        key_types: the kinds its key can be of.
        key_type: the kind its key is of; empty: it has none.
        slots: the mask of slots whose certificates are for it.
        public_key_info: the AlgorithmIdentifier of its public key, DER.
    """

    total: int
    number: int
    capabilities: KeyPairCap
    uses: KeyUsage
    usage: KeyUsage
    key_types: tuple[str, ...]
    key_type: str
    slots: int
    public_key_info: bytes


class KeyPairInfoRequest(Request[KeyPairFacts]):
    """Asks about a key pair."""

    needs = Cap.GET_KEY_PAIR_INFO

    def __init__(self, connection: Connection, key_pair: int) -> None:
        _check_version(connection, Version.V1_3)
        self._number = key_pair
        super().__init__(
            connection, GetKeyPairInfo(version=connection.version, key_pair_id=key_pair)
        )

    def _accept(self, reply: bytes) -> KeyPairFacts:
        spare = _SPARE if self.connection.version >= Version.V1_4 else 0
        theirs, raw = self._read(KeyPairInfo, reply, self.connection.shape(), spare=spare)
        self._check(theirs)
        self._record(None, raw)
        return KeyPairFacts(
            total=theirs.total_key_pairs,
            number=theirs.key_pair_id,
            capabilities=KeyPairCap(theirs.capabilities),
            uses=KeyUsage(theirs.usage_capabilities),
            usage=KeyUsage(theirs.usage),
            key_types=tuple(key_types(theirs.asym_capabilities)),
            key_type=next(iter(key_types(theirs.asym)), ""),
            slots=theirs.slots,
            public_key_info=theirs.public_key_info,
        )

    def _check(self, theirs: KeyPairInfo) -> None:
        """Raise BrokenReply for the first field that contradicts another."""
        number, able = theirs.key_pair_id, theirs.capabilities
        changes = Cap.SET_KEY_PAIR_INFO in self.connection.peer_capabilities
        share, associate = able & KeyPairCap.SHARE, able & KeyPairCap.ASSOCIATE
        kinds, kind = theirs.asym_capabilities, theirs.asym
        pqc, pqc_kinds = (
            int.from_bytes(b, "little") for b in (theirs.pqc, theirs.pqc_capabilities)
        )
        told = (
            ("key_pair_id", number == self._number <= theirs.total_key_pairs, self._number),
            ("capabilities", changes or not able, "0, as the peer lacks SET_KEY_PAIR_INFO"),
            ("capabilities", not share or associate, "ASSOCIATE where SHARE is"),
            ("usage_capabilities", theirs.usage_capabilities, "a use at least"),
            ("usage", not theirs.usage & ~theirs.usage_capabilities, "uses that it can have"),
            ("asym_capabilities", kinds, "a kind at least"),
            ("asym", kind.bit_count() <= 1 and not kind & ~kinds, "one kind that it can be of"),
            ("pqc", pqc.bit_count() <= 1 and not pqc & ~pqc_kinds, "one kind that it can be of"),
            ("pqc", not (pqc and kind), "0, as it is of another kind"),
            (
                "slots",
                theirs.slots.bit_count() <= 1 or share or not changes,
                "one slot, as it cannot be shared",
            ),
        )
        for field, right, expected in told:
            if not right:
                raise BrokenReply(_INFO, field, found=getattr(theirs, field), expected=expected)


class SetKeyPairInfoRequest(Request[None]):
    """Has a key pair changed, its key erased, or one generated.

    A peer that needs a reset first answers with ERROR ResetRequired.
    """

    needs = Cap.SET_KEY_PAIR_INFO

    def __init__(
        self,
        connection: Connection,
        key_pair: int,
        operation: KeyPairOperation,
        *,
        usage: KeyUsage | None = None,
        asym: int = 0,
        slots: int = 0,
    ) -> None:
        """`usage` and `asym` (of ASYM_BITS) stay where they are 0; `slots` is the whole mask."""
        _check_version(connection, Version.V1_3)
        wanted = b""
        if operation != KeyPairOperation.ERASE:
            parameters = KeyPairWanted(usage=usage or 0, asym=asym, slots=slots)
            wanted = parameters.to_bytes(Shape(connection.version))
        message = SetKeyPairInfo(
            version=connection.version,
            operation=operation,
            key_pair_id=key_pair,
            wanted=wanted,
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> None:
        _, raw = self._read(SetKeyPairInfoAck, reply, self.connection.shape())
        self._record(None, raw)
