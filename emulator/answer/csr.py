"""Answers GET_CSR (libspdm `library/spdm_responder_lib/libspdm_rsp_csr.c`).

How a device does that needs a reset first: `os_stub/spdm_device_secret_lib_sample/csr.c`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.lasting import after_reset, changeable, needs_reset
from emulator.answer.registry import handles
from emulator.crypto.csr import RequesterInfo, certificate_request, read_requester_info
from emulator.crypto.keys import SigningKey
from emulator.device.provisioning import AskedCsr, Provisioning
from emulator.errors import Busy, InvalidRequest, PkiError, WireError
from emulator.spdm.algorithms import OPAQUE_FORMAT_MASK, OpaqueFormat
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_pairs import CertificateModel
from emulator.spdm.messages import Csr, GetCsr
from emulator.spdm.messages.challenge import MAX_OPAQUE
from emulator.spdm.messages.provisioning import (
    CSR_MODEL_MASK,
    CSR_OVERWRITE,
    CSR_TAG_MASK,
    CSR_TAG_SHIFT,
    MAX_CSR_TAG,
)
from emulator.spdm.opaque import read_elements
from emulator.spdm.session import APPLICATION
from emulator.spdm.versions import rules
from emulator.spdm.work import Path, Work

_ONLY_TAG = 0
"""The tag of the one request that can wait before 1.3, which has no tags."""


@handles(GetCsr, needs=Cap.CSR, where=APPLICATION)
def get_csr(exchange: Exchange, request: GetCsr) -> Outcome | Path[Outcome]:
    """A certificate signing request of the named key pair, or of slot 0's key.

    Where it needs a reset, the first asking is remembered, and the same asking after the reset is
    answered: since 1.3 by the tag that the ERROR gave it.
    """
    _check_opaque(exchange, request.opaque)
    wanted = _read_info(request.requester_info)
    reset = needs_reset(exchange, Cap.CERT_INSTALL_RESET)
    model = _check_attributes(exchange, request, reset=reset)
    provisioning = exchange.provisioning()
    key = _key(exchange, provisioning, request)
    make = partial(_make, exchange, key, wanted, generic=model == CertificateModel.GENERIC)
    if not reset:
        return _answer(exchange, key, make)
    raw = exchange.raw[: exchange.size]
    if not rules(request.version).multi_key:
        asked = provisioning.state.csrs.get(_ONLY_TAG)
        if asked is not None and asked.ready and asked.request == raw:
            return _answer(exchange, key, make)
        return _remember(exchange, {}, _ONLY_TAG, raw)
    return _by_tag(exchange, request, raw, partial(_answer, exchange, key, make))


def _check_opaque(exchange: Exchange, opaque: bytes) -> None:
    """Raise InvalidRequest for opaque data that was not agreed on, or is not of its format."""
    if len(opaque) > MAX_OPAQUE:
        raise InvalidRequest(f"{len(opaque)} bytes of opaque data where {MAX_OPAQUE} are allowed")
    form = exchange.connection.algorithms.other_params & OPAQUE_FORMAT_MASK
    if opaque and not form:
        raise InvalidRequest("opaque data, and no format of it was agreed")
    if opaque and form == OpaqueFormat.FORMAT_1:
        try:
            read_elements(exchange.connection.version, opaque)
        except WireError as error:
            raise InvalidRequest(str(error)) from error


def _read_info(data: bytes) -> RequesterInfo:
    try:
        return read_requester_info(data)
    except PkiError as error:
        raise InvalidRequest(str(error)) from error


def _check_attributes(exchange: Exchange, request: GetCsr, *, reset: bool) -> CertificateModel:
    """The certificate model asked for. Raises InvalidRequest for parameters that do not fit."""
    alias = Cap.ALIAS_CERT in exchange.connection.local_capabilities
    own = CertificateModel.ALIAS if alias else CertificateModel.DEVICE
    if not rules(request.version).multi_key:
        return own
    tag = (request.attributes & CSR_TAG_MASK) >> CSR_TAG_SHIFT
    if tag and (request.attributes & CSR_OVERWRITE or not reset):
        raise InvalidRequest(f"tag {tag}, and nothing waits that it could name")
    model = request.attributes & CSR_MODEL_MASK
    if not exchange.connection.algorithms.multi_key:
        if request.key_pair_id or model:
            raise InvalidRequest("a key pair or a certificate model, and one key is used")
        return own
    if not request.key_pair_id:
        raise InvalidRequest("no key pair is named, and several keys are used")
    if model not in (own, CertificateModel.GENERIC):
        raise InvalidRequest(f"certificate model {model}, which the device does not have")
    return CertificateModel(model)


def _key(exchange: Exchange, provisioning: Provisioning, request: GetCsr) -> SigningKey:
    """The key to be certified. Raises InvalidRequest where there is none."""
    number = request.key_pair_id if exchange.connection.algorithms.multi_key else 0
    pairs = provisioning.real_pairs
    key: SigningKey | None = None
    if number:
        key = pairs[number - 1].key if number <= len(pairs) else None
    elif (asym := exchange.connection.algorithms.asym) is not None:
        fits = [pair for pair in pairs if pair.key and asym.name in pair.key.public.schemes]
        key = next((pair.key for pair in fits if pair.slots & 1), None)
        key = key or next((pair.key for pair in fits), None)
    if key is None:
        raise InvalidRequest(f"key pair {number} has no key" if number else "there is no key")
    return key


def _make(exchange: Exchange, key: SigningKey, wanted: RequesterInfo, *, generic: bool) -> bytes:
    device = exchange.device
    return certificate_request(
        key, common_name=device.name, san=device.identity.san, generic=generic, wanted=wanted
    )


def _answer(
    exchange: Exchange, key: SigningKey, make: Callable[[], bytes]
) -> Outcome | Path[Outcome]:
    """The request, made aside where the key is slow to sign."""
    if not key.slow:
        return _outcome(exchange, make())
    return _later(exchange, Work(f"a request signed with {key.scheme}", make))


def _later(exchange: Exchange, work: Work) -> Path[Outcome]:
    return _outcome(exchange, (yield work))


def _outcome(exchange: Exchange, csr: bytes) -> Outcome:
    reply = Csr(version=exchange.connection.version, csr=csr)
    return Outcome(reply=reply, shape=exchange.connection.shape())


def _by_tag(
    exchange: Exchange,
    request: GetCsr,
    raw: bytes,
    answer: Callable[[], Outcome | Path[Outcome]],
) -> Outcome | Path[Outcome]:
    """What a request comes to that says which of those that waited it is.

    Raises InvalidRequest for a tag that none has, Busy where there is no tag left, or the request
    of this tag was another or still waits.
    """
    waiting = exchange.provisioning().state.csrs
    tag = (request.attributes & CSR_TAG_MASK) >> CSR_TAG_SHIFT
    if tag:
        asked = waiting.get(tag)
        if asked is None:
            raise InvalidRequest(f"tag {tag}, which no request has")
        if not asked.ready or asked.request != raw:
            raise Busy(f"the request of tag {tag} still waits, or was another")
        return answer()
    overwrite = bool(request.attributes & CSR_OVERWRITE)
    kept = {} if overwrite else dict(waiting)
    free = next((one for one in range(1, MAX_CSR_TAG + 1) if one not in kept), None)
    if free is None:
        raise Busy("no tag is left")
    # It comes again with its tag, and without asking for the others to be given up.
    attributes = request.attributes & ~CSR_OVERWRITE | free << CSR_TAG_SHIFT
    again = raw[:3] + bytes((attributes,)) + raw[4:]
    return _remember(exchange, kept, free, again)


def _remember(
    exchange: Exchange, kept: dict[int, AskedCsr], tag: int, raw: bytes
) -> Outcome | Path[Outcome]:
    state = replace(changeable(exchange).state, csrs={**kept, tag: AskedCsr(raw)})
    return after_reset(exchange, state, tag=tag)
