"""Answers SET_CERTIFICATE (libspdm `library/spdm_responder_lib/libspdm_rsp_set_certificate_rsp.c`).

What a device is asked to install, it judges by the rules that requesters have for what it shows
(`crypto/x509.py`); libspdm's `libspdm_set_cert_verify_certchain` asks for some of them. Dates are
not looked at: a device has no clock. Whether the key is the slot's is the device's own business.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.lasting import after_reset, changeable, needs_reset, settled
from emulator.answer.registry import handles
from emulator.crypto import hashes
from emulator.crypto.certificate import (
    OID_HARDWARE_IDENTITY,
    OID_MUTABLE_CERTIFICATE,
    Certificate,
)
from emulator.crypto.x509 import split_chain, verify_chain
from emulator.device.provisioning import Lasting, Provisioning, Written
from emulator.device.slots import MAX_CHAIN, MAX_LARGE_CHAIN
from emulator.errors import (
    InvalidRequest,
    OperationFailed,
    PkiError,
    UnexpectedRequest,
    Unspecified,
)
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_pairs import CertificateModel
from emulator.spdm.messages import SetCertificate, SetCertificateRsp
from emulator.spdm.messages.certificates import SLOT_COUNT, SLOT_MASK
from emulator.spdm.messages.provisioning import ERASE, MODEL_MASK, MODEL_SHIFT
from emulator.spdm.session import APPLICATION
from emulator.spdm.versions import rules
from emulator.spdm.work import Path

_LENGTH = 4
_NO_CLOCK = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKED = "validity"
"""The check of a chain that needs the time."""


@handles(SetCertificate, needs=Cap.SET_CERT, where=APPLICATION)
def set_certificate(exchange: Exchange, request: SetCertificate) -> Outcome | Path[Outcome]:
    """Install a chain in a slot, or empty it, at once or with the next reset."""
    slot = request.attributes & SLOT_MASK
    provisioning = exchange.provisioning()
    if slot >= SLOT_COUNT:
        raise InvalidRequest(f"slot {slot} where slots are 0 to {SLOT_COUNT - 1}")
    if slot and not provisioning.policy.trusted and exchange.session is None:
        raise UnexpectedRequest(f"slot {slot} outside of a session; slot 0 alone may be written")
    erase, model = _attributes(exchange, request, provisioning)
    if erase:
        written = _erase(request, provisioning, slot)
    else:
        key_type, certificates = _chain(exchange, request, provisioning, slot, model)
        before = provisioning.state.installing.get(slot) or provisioning.state.written.get(slot)
        written = (before or Written()).installed(key_type, certificates, model)
    state = changeable(exchange).state
    if not erase:
        state = _associated(exchange, provisioning, state, slot, written)
    if needs_reset(exchange, Cap.CERT_INSTALL_RESET):
        installing = {**state.installing, slot: written}
        return after_reset(exchange, replace(state, installing=installing))
    state = replace(state, written={**state.written, slot: written})
    return settled(exchange, state, SetCertificateRsp(version=request.version, slot=slot))


def _attributes(
    exchange: Exchange, request: SetCertificate, provisioning: Provisioning
) -> tuple[bool, CertificateModel]:
    """Whether to erase, and the model of what is to be installed. Raises InvalidRequest."""
    alias = Cap.ALIAS_CERT in exchange.connection.local_capabilities
    own = CertificateModel.ALIAS if alias else CertificateModel.DEVICE
    if not rules(request.version).multi_key:
        return False, own
    erase = bool(request.attributes & ERASE)
    model = (request.attributes & MODEL_MASK) >> MODEL_SHIFT
    if not exchange.connection.algorithms.multi_key:
        if request.key_pair_id or model:
            raise InvalidRequest("a key pair or a certificate model, and one key is used")
        return erase, own
    if not 0 < request.key_pair_id <= len(provisioning.state.pairs):
        raise InvalidRequest(f"key pair {request.key_pair_id}, which there is not")
    if erase:
        return True, own
    generic_allowed = bool(request.attributes & SLOT_MASK)
    if model != own and not (model == CertificateModel.GENERIC and generic_allowed):
        raise InvalidRequest(f"certificate model {model}, which this slot cannot have")
    return False, CertificateModel(model)


def _erase(request: SetCertificate, provisioning: Provisioning, slot: int) -> Written:
    """An empty slot. Raises InvalidRequest with a model, OperationFailed where it is locked."""
    if request.attributes & MODEL_MASK:
        raise InvalidRequest("a slot is to be erased, and a certificate model is named")
    if slot not in provisioning.policy.writable:
        raise OperationFailed(f"slot {slot} is locked")
    return Written(alone=True)


def _chain(
    exchange: Exchange,
    request: SetCertificate,
    provisioning: Provisioning,
    slot: int,
    model: CertificateModel,
) -> tuple[str, tuple[bytes, ...]]:
    """The kind of the leaf's key, and the certificates.

    Raises InvalidRequest for what is no chain as SPDM carries one, Unspecified for one that is not
    to be installed.
    """
    hash_name = exchange.hash().name
    header = _LENGTH + hashes.size(hash_name)
    data = request.chain
    wide = rules(request.version).large_forms
    length = int.from_bytes(data[: _LENGTH if wide else 2], "little")
    if len(data) < header or length < header:
        raise InvalidRequest(f"a chain of {min(len(data), length)} bytes; {header} go before it")
    if length > len(data):
        raise InvalidRequest(f"a chain of {length} bytes, of which {len(data)} are there")
    if length > MAX_CHAIN and Cap.LARGE_RESP not in exchange.connection.local_capabilities:
        raise InvalidRequest(f"a chain of {length} bytes without LARGE_RESP")
    if length > MAX_LARGE_CHAIN:
        raise InvalidRequest(f"a chain of {length} bytes where {MAX_LARGE_CHAIN} are the most")
    try:
        certificates = split_chain(data[header:length])
        leaf = Certificate.parse(certificates[-1])
        problems = list(_problems(exchange, provisioning, slot, certificates, leaf, model))
    except PkiError as error:
        raise Unspecified(str(error)) from error
    if hashes.digest(hash_name, certificates[0]) != data[_LENGTH:header]:
        problems.insert(0, "the hash before the chain is not its root's")
    if slot not in provisioning.policy.writable:
        problems.append(f"slot {slot} is locked")
    if leaf.key is None:
        problems.insert(0, leaf.key_problem)
    else:
        problems += _key_problems(exchange, request, provisioning, slot, leaf)
    if problems or leaf.key is None:
        raise Unspecified("; ".join(problems))
    return leaf.key.key_type, certificates


def _problems(
    exchange: Exchange,
    provisioning: Provisioning,
    slot: int,
    certificates: tuple[bytes, ...],
    leaf: Certificate,
    model: CertificateModel,
) -> Iterator[str]:
    """What is wrong with the certificates."""
    root = Certificate.parse(certificates[0])
    if not root.is_self_signed:
        yield f"the chain begins with {root.subject}, which is no root"
    anchors = provisioning.policy.authority or (certificates[0],)
    for check in verify_chain(certificates, anchors, at=_NO_CLOCK, expected_san=None, slot=slot):
        if not check.ok and check.name != _CLOCKED:
            yield f"{check.name}: {check.detail}"
    if rules(exchange.connection.version).multi_key and not leaf.has_basic_constraints:
        yield "the leaf has no basicConstraints, which 1.3 demands"
    named = set(leaf.spdm_oids)
    if model == CertificateModel.DEVICE and OID_MUTABLE_CERTIFICATE in named:
        yield "the leaf is an alias certificate, not a device certificate"
    if model == CertificateModel.GENERIC and named & {
        OID_MUTABLE_CERTIFICATE,
        OID_HARDWARE_IDENTITY,
    }:
        yield "the leaf has an identifier of SPDM, as no generic certificate has"


def _key_problems(
    exchange: Exchange,
    request: SetCertificate,
    provisioning: Provisioning,
    slot: int,
    leaf: Certificate,
) -> Iterator[str]:
    """Why a leaf's key is not one that its slot may have."""
    key, asym = leaf.key, exchange.connection.algorithms.asym
    if key is None or asym is None or asym.name not in key.schemes:
        wanted = asym.name if asym else "a signature algorithm"
        yield f"the leaf's key is not for {wanted}, which was negotiated"
        return
    if not provisioning.policy.check_key:
        return
    number, pair = provisioning.pair_of(key)
    if pair is None:
        yield "the leaf's key is none of the device's"
    elif exchange.connection.algorithms.multi_key:
        if number != request.key_pair_id:
            yield f"the leaf is for key pair {number}, not {request.key_pair_id}"
        elif not pair.slots >> slot & 1:
            yield f"key pair {number} is not associated with slot {slot}"
    elif not pair.slots & (1 | 1 << slot):
        # GET_CSR names no slot where one key is used: what it gives is slot 0's.
        yield f"the leaf's key is neither that of slot {slot} nor that of slot 0"


def _associated(
    exchange: Exchange, provisioning: Provisioning, state: Lasting, slot: int, written: Written
) -> Lasting:
    """The state in which the slot has slot 0's key, where that is what was certified."""
    if not provisioning.policy.check_key or exchange.connection.algorithms.multi_key:
        return state
    for key_type, certificates in written.chains.items():
        key = Certificate.parse(certificates[-1]).key
        number, pair = provisioning.pair_of(key) if key is not None else (0, None)
        if pair is None or pair.slots >> slot & 1:
            continue
        for other, former in enumerate(state.pairs, 1):
            if former.key_type == key_type and former.slots >> slot & 1:
                bare = replace(former, slots=former.slots & ~(1 << slot))
                state = state.with_pair(other, bare)
        state = state.with_pair(number, replace(pair, slots=pair.slots | 1 << slot))
    return state
