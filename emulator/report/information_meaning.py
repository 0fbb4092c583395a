"""One line for each message that tells of a device beside its identity; see `meaning.py`."""

from emulator.ask.endpoint_info import read_classes
from emulator.errors import BrokenReply
from emulator.report.meaning import meaning, signed, signer
from emulator.requester.evidence import device_class
from emulator.spdm.messages import (
    EndpointInfo,
    GetEndpointInfo,
    GetMeasurementExtensionLog,
    MeasurementExtensionLog,
)
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.endpoint_info import EndpointInfoAttributes, SubCode


@meaning.register
def _(message: GetMeasurementExtensionLog) -> str:
    return f"the log of measurements: {message.length} bytes from {message.offset} on"


@meaning.register
def _(message: MeasurementExtensionLog) -> str:
    return f"{len(message.portion)} bytes of the log, {message.remainder_length} left"


@meaning.register
def _(message: GetEndpointInfo) -> str:
    known = message.sub_code == SubCode.DEVICE_CLASS_IDENTIFIER
    asked = "of which device classes are you?" if known else f"sub-code {message.sub_code}"
    by_key = EndpointInfoAttributes.SIGNATURE in message.attributes
    return asked + (f", signed by {signer(message.slot & SLOT_MASK)}" if by_key else "")


@meaning.register
def _(message: EndpointInfo) -> str:
    try:
        classes = read_classes(message.info)
    except BrokenReply:
        return f"{len(message.info)} bytes, {signed(message.signature)}"
    return f"{'; '.join(map(device_class, classes)) or 'none'}, {signed(message.signature)}"
