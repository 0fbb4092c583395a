"""Answers GET_KEY_PAIR_INFO and SET_KEY_PAIR_INFO.

Rules and their order: libspdm `library/spdm_responder_lib/libspdm_rsp_key_pair_info.c` and
`libspdm_rsp_set_key_pair_info_ack.c`; what follows them there is the device's own: here a slot has
one key of a kind, and a key pair that loses its kind loses its key.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.lasting import after_reset, changeable, needs_reset, settled
from emulator.answer.registry import handles
from emulator.crypto.keys import SigningKey, is_quick, scheme_of_type
from emulator.device.key_pairs import KeyPair
from emulator.device.provisioning import AskedPair, Provisioning
from emulator.errors import (
    InvalidRequest,
    OperationFailed,
    UnsupportedRequest,
    WireError,
)
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.key_pairs import ASYM_BITS, KeyPairCap, KeyUsage, key_types
from emulator.spdm.messages import (
    GetKeyPairInfo,
    KeyPairInfo,
    SetKeyPairInfo,
    SetKeyPairInfoAck,
)
from emulator.spdm.messages.provisioning import KeyPairOperation, KeyPairWanted
from emulator.spdm.session import APPLICATION
from emulator.spdm.work import Path, Work
from emulator.wire import Shape, decode

_SECRET_SIZE = 32
_NOTHING = KeyPairWanted(usage=0, asym=0, slots=0)


@handles(GetKeyPairInfo, needs=Cap.GET_KEY_PAIR_INFO, where=APPLICATION)
def get_key_pair_info(exchange: Exchange, request: GetKeyPairInfo) -> Outcome:
    """What a key pair is, and what may be done to it."""
    provisioning = exchange.provisioning()
    pair = _pair(provisioning, request.key_pair_id)
    changes = Cap.SET_KEY_PAIR_INFO in exchange.connection.local_capabilities
    reply = KeyPairInfo(
        version=request.version,
        total_key_pairs=len(provisioning.state.pairs),
        key_pair_id=request.key_pair_id,
        capabilities=pair.capabilities if changes else 0,
        usage_capabilities=pair.uses,
        usage=pair.usage,
        asym_capabilities=pair.asym_capabilities,
        asym=pair.asym,
        slots=pair.slots,
        public_key_info=pair.key.public.algorithm_identifier if pair.key else b"",
    )
    return Outcome(reply=reply, shape=exchange.connection.shape())


def _pair(provisioning: Provisioning, number: int) -> KeyPair:
    """The key pair of this KeyPairID. Raises InvalidRequest."""
    pairs = provisioning.state.pairs
    if not 0 < number <= len(pairs):
        raise InvalidRequest(f"key pair {number} where they are 1 to {len(pairs)}")
    return pairs[number - 1]


@handles(SetKeyPairInfo, needs=Cap.SET_KEY_PAIR_INFO, where=APPLICATION)
def set_key_pair_info(exchange: Exchange, request: SetKeyPairInfo) -> Outcome | Path[Outcome]:
    """Change what a key pair is for, erase its key, or generate one."""
    provisioning = exchange.provisioning()
    pair = _pair(provisioning, request.key_pair_id)
    wanted = _wanted(request)
    _check_allowed(request, pair, wanted)
    if request.operation > KeyPairOperation.GENERATE:
        raise InvalidRequest(f"operation {int(request.operation)}")
    if request.operation != KeyPairOperation.CHANGE and pair.slots:
        raise OperationFailed("the key pair is associated with slots")
    raw = exchange.raw[: exchange.size]
    waited = changeable(exchange).state.changing
    if waited is not None and waited.done and waited.request == raw:
        return _acknowledge(exchange, request)
    if request.operation == KeyPairOperation.ERASE:
        return _put(exchange, request, raw, pair.erased())
    changed = _changed(provisioning, request, pair, wanted)
    if request.operation == KeyPairOperation.CHANGE:
        return _put(exchange, request, raw, changed)
    return _generate(exchange, request, raw, changed)


def _wanted(request: SetKeyPairInfo) -> KeyPairWanted:
    """What the key pair shall be; nothing where it is to be erased."""
    if request.operation == KeyPairOperation.ERASE:
        return _NOTHING
    try:
        wanted, _ = decode(KeyPairWanted, request.wanted, Shape(request.version))
    except WireError as error:
        raise InvalidRequest(str(error)) from error
    return wanted


def _check_allowed(request: SetKeyPairInfo, pair: KeyPair, wanted: KeyPairWanted) -> None:
    """Raise SpdmError for the first rule of what may be done to this key pair that is broken."""
    for broken, reason in _rules(request, pair, wanted):
        if broken:
            raise InvalidRequest(reason)
    if int.from_bytes(wanted.pqc, "little"):
        # No key pair has such a kind: libspdm says this of a kind that this one lacks.
        raise UnsupportedRequest("a post-quantum key", data=Code.SET_KEY_PAIR_INFO)
    several = wanted.slots.bit_count() > 1
    if several and not pair.capabilities & KeyPairCap.SHARE:
        raise InvalidRequest("several slots, and the key pair cannot be shared")


def _rules(
    request: SetKeyPairInfo, pair: KeyPair, wanted: KeyPairWanted
) -> Iterator[tuple[bool, str]]:
    """Libspdm's rules in their order: whether each is broken, and how."""
    able, operation = pair.capabilities, request.operation
    pqc = int.from_bytes(wanted.pqc, "little")
    generates = operation == KeyPairOperation.GENERATE
    yield generates and not able & KeyPairCap.GENERATE, "no key can be generated"
    erases = operation == KeyPairOperation.ERASE
    yield erases and not able & KeyPairCap.ERASE, "the key cannot be erased"
    moves = wanted.slots not in (0, pair.slots)
    yield moves and not able & KeyPairCap.ASSOCIATE, "the slots of the key pair are fixed"
    yield bool(wanted.usage) and not able & KeyPairCap.USAGE, "the use of the key is fixed"
    yield bool(wanted.usage & ~pair.uses), f"use 0x{wanted.usage:04x}, which the key cannot have"
    kinds = bool(wanted.asym or pqc)
    yield kinds and not able & KeyPairCap.ALGORITHM, "the kind of the key is fixed"
    one_each = wanted.asym.bit_count() <= 1 and pqc.bit_count() <= 1
    yield not one_each or bool(wanted.asym and pqc), "several kinds of keys at once"
    yield bool(wanted.asym & ~pair.asym_capabilities), "a kind that the key cannot be of"


def _changed(
    provisioning: Provisioning, request: SetKeyPairInfo, pair: KeyPair, wanted: KeyPairWanted
) -> KeyPair:
    """The key pair as it shall be, its key apart. Raises OperationFailed where it cannot be."""
    generates = request.operation == KeyPairOperation.GENERATE
    if wanted.slots & ~provisioning.slot_mask:
        raise OperationFailed(f"slots 0x{wanted.slots:02x}, not all of which there are")
    usage = KeyUsage(wanted.usage) or (pair.uses if generates else pair.usage)
    key_type, key = pair.key_type, pair.key
    if wanted.asym and wanted.asym != ASYM_BITS.get(key_type, 0):
        if pair.slots:
            raise OperationFailed("the key pair is associated with slots; its kind stays")
        [key_type], key = key_types(wanted.asym), None
    if wanted.slots and not key_type:
        raise OperationFailed("the key pair has no key that certificates could be for")
    for number, other in enumerate(provisioning.state.pairs, 1):
        same = number != request.key_pair_id and other.key_type == key_type
        if same and other.slots & wanted.slots:
            raise OperationFailed(f"key pair {number} of the same kind has such a slot already")
    if provisioning.policy.real_keys and wanted.slots and key is None and not generates:
        raise OperationFailed("the key pair has no key that certificates could be for")
    return replace(pair, key=key, key_type=key_type, usage=usage, slots=wanted.slots)


def _generate(
    exchange: Exchange, request: SetKeyPairInfo, raw: bytes, pair: KeyPair
) -> Outcome | Path[Outcome]:
    """A key pair with a new key, made aside where that is slow."""
    if not pair.key_type:
        raise OperationFailed("a key of no kind is to be generated")
    scheme = scheme_of_type(pair.key_type)
    secret = exchange.entropy.bytes(_SECRET_SIZE, label="key pair")
    make = partial(SigningKey.derive, scheme, secret)
    if is_quick(pair.key_type):
        return _put(exchange, request, raw, replace(pair, key=make()))
    return _later(exchange, request, raw, pair, Work(f"an {pair.key_type} key", make))


def _later(
    exchange: Exchange, request: SetKeyPairInfo, raw: bytes, pair: KeyPair, work: Work
) -> Path[Outcome]:
    provisioning = exchange.provisioning()
    provisioning.busy = True
    try:
        key = yield work
    finally:
        provisioning.busy = False
    answer = _put(exchange, request, raw, replace(pair, key=key))
    return answer if isinstance(answer, Outcome) else (yield from answer)


def _put(
    exchange: Exchange, request: SetKeyPairInfo, raw: bytes, pair: KeyPair
) -> Outcome | Path[Outcome]:
    """The outcome after which there is this key pair, at once or with the next reset."""
    state = exchange.provisioning().state
    if needs_reset(exchange, Cap.SET_KEY_PAIR_RESET):
        waits = AskedPair(raw, request.key_pair_id, pair)
        return after_reset(exchange, replace(state, changing=waits))
    reply = SetKeyPairInfoAck(version=request.version)
    return settled(exchange, state.with_pair(request.key_pair_id, pair), reply)


def _acknowledge(exchange: Exchange, request: SetKeyPairInfo) -> Outcome | Path[Outcome]:
    """What was asked for before the reset was done: it is not done again."""
    state = replace(exchange.provisioning().state, changing=None)
    return settled(exchange, state, SetKeyPairInfoAck(version=request.version))
