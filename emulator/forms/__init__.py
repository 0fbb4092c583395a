"""What people write in files: the kinds of values, and the words of what is wrong with them."""

from emulator.forms.fields import (
    U8,
    U16,
    U24,
    U32,
    U64,
    Delay,
    Hex,
    Line,
    Part,
    Span,
)
from emulator.forms.vocabulary import CUSTOM, Vocabulary, choice, refusal, unique

__all__ = [
    "CUSTOM",
    "U8",
    "U16",
    "U24",
    "U32",
    "U64",
    "Delay",
    "Hex",
    "Line",
    "Part",
    "Span",
    "Vocabulary",
    "choice",
    "refusal",
    "unique",
]
