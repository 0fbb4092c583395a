"""One line for each message of provisioning; see `meaning.py`, whose lines these are too."""

from emulator.errors import WireError
from emulator.report.meaning import meaning
from emulator.spdm.key_pairs import CertificateModel, KeyUsage, key_types
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
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.provisioning import (
    CSR_MODEL_MASK,
    CSR_OVERWRITE,
    CSR_TAG_MASK,
    CSR_TAG_SHIFT,
    ERASE,
    MODEL_MASK,
    MODEL_SHIFT,
    KeyPairOperation,
    KeyPairWanted,
)
from emulator.spdm.versions import rules
from emulator.wire import Shape, decode


def _model(number: int) -> str:
    if not number:
        return ""
    known = number in CertificateModel.__members__.values()
    name = CertificateModel(number).name.lower() if known else f"{number}"
    return f", a certificate of model {name}"


def _of_pair(number: int) -> str:
    return f" for key pair {number}" if number else ""


@meaning.register
def _(message: GetCsr) -> str:
    told = f"a certificate signing request{_of_pair(message.key_pair_id)}"
    if not rules(message.version).multi_key:
        return told
    tag = (message.attributes & CSR_TAG_MASK) >> CSR_TAG_SHIFT
    waited = f", the one of tag {tag}" if tag else ""
    instead = ", and none of those that wait" if message.attributes & CSR_OVERWRITE else ""
    return told + _model(message.attributes & CSR_MODEL_MASK) + waited + instead


@meaning.register
def _(message: Csr) -> str:
    return f"{len(message.csr)} bytes"


@meaning.register
def _(message: SetCertificate) -> str:
    slot = message.attributes & SLOT_MASK
    named = rules(message.version).multi_key
    if named and message.attributes & ERASE:
        return f"slot {slot}: empty it"
    model = (message.attributes & MODEL_MASK) >> MODEL_SHIFT if named else 0
    of = _of_pair(message.key_pair_id if named else 0)
    return f"slot {slot}: install {len(message.chain)} bytes{of}{_model(model)}"


@meaning.register
def _(message: SetCertificateRsp) -> str:
    return f"slot {message.slot & SLOT_MASK} is as asked"


@meaning.register
def _(message: GetKeyPairInfo) -> str:
    return f"what is key pair {message.key_pair_id}?"


@meaning.register
def _(message: KeyPairInfo) -> str:
    kind = ", ".join(key_types(message.asym)) or "no key"
    slots = _slots(message.slots)
    return f"key pair {message.key_pair_id} of {message.total_key_pairs}: {kind}, {slots}"


def _slots(mask: int) -> str:
    numbers = [str(slot) for slot in range(8) if mask >> slot & 1]
    return f"slots {', '.join(numbers)}" if numbers else "no slot"


@meaning.register
def _(message: SetKeyPairInfo) -> str:
    number = message.key_pair_id
    if message.operation == KeyPairOperation.ERASE:
        return f"key pair {number}: erase the key"
    try:
        wanted, _ = decode(KeyPairWanted, message.wanted, Shape(message.version))
    except WireError:
        return f"key pair {number}"
    generate = message.operation == KeyPairOperation.GENERATE
    uses = [use.name for use in KeyUsage if use & wanted.usage and use.name]
    told = [
        "generate a key" if generate else "change it",
        *key_types(wanted.asym),
        *([f"for {', '.join(uses)}"] if uses else []),
        _slots(wanted.slots),
    ]
    return f"key pair {number}: {', '.join(told)}"


@meaning.register
def _(message: SetKeyPairInfoAck) -> str:
    del message
    return "the key pair is as asked"
