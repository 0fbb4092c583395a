"""How bytes are declared: dataclasses over `construct`.

A message is a frozen dataclass whose fields each name a kind (`wire/kinds.py`). For every *shape* —
the version and the negotiated sizes — the class is compiled once into a codec (`wire/codec.py`)
that fuses runs of fixed-width fields into one `struct.Struct`. The plain `construct` declaration
of the same fields stays the reference: it names the field when bytes do not fit, and annotates
any message's bytes (`wire/annotate.py`). Property tests hold the two against each other.
"""

from emulator.wire.annotate import Span, annotate, render
from emulator.wire.kinds import (
    U8,
    U16,
    U24,
    U32,
    U64,
    Bytes,
    Counted,
    CountedEither,
    Cut,
    IfSigned,
    PerBit,
    Reserved,
    Rest,
    Since,
    Sized,
    SizedWhen,
    Table,
    U32When,
    Values,
    When,
)
from emulator.wire.layout import (
    AUTO,
    Message,
    Structure,
    decode,
    encode,
    message,
    parse,
    structure,
    wire,
)
from emulator.wire.shape import Shape

__all__ = [
    "AUTO",
    "U8",
    "U16",
    "U24",
    "U32",
    "U64",
    "Bytes",
    "Counted",
    "CountedEither",
    "Cut",
    "IfSigned",
    "Message",
    "PerBit",
    "Reserved",
    "Rest",
    "Shape",
    "Since",
    "Sized",
    "SizedWhen",
    "Span",
    "Structure",
    "Table",
    "U32When",
    "Values",
    "When",
    "annotate",
    "decode",
    "encode",
    "message",
    "parse",
    "render",
    "structure",
    "wire",
]
