"""The names a profile may use, and why some that exist are refused.

Each vocabulary comes from the table of its owner, so that what the emulator learns to answer can
be named in a profile at once.
"""

from collections.abc import Iterable

from emulator.forms import Vocabulary
from emulator.spdm import algorithms, capabilities, secured_versions
from emulator.spdm.algorithms import Algorithm, OpaqueFormat
from emulator.spdm.capabilities import REQUESTER_MASK, Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages.measured import KINDS, DebugMode, OperationalMode, flag_name
from emulator.spdm.pending import MAY_WAIT
from emulator.spdm.versions import BY_TEXT, Version


def _algorithms(rows: Iterable[Algorithm]) -> Vocabulary:
    all_rows = tuple(rows)
    return Vocabulary(
        offered=tuple(row.name for row in all_rows if row.offered),
        refused={
            row.name: f"SPDM knows {row.name}, this emulator cannot compute it"
            for row in all_rows
            if not row.offered
        },
    )


VERSIONS = Vocabulary(
    offered=tuple(BY_TEXT),
    refused={
        version.text: f"SPDM {version.text} exists, this emulator does not speak it"
        for version in Version
        if version.text not in BY_TEXT
    },
)
SECURED_VERSIONS = Vocabulary(tuple(secured_versions.BY_TEXT))
CAPABILITIES = Vocabulary(
    offered=tuple(capabilities.names(capabilities.IMPLEMENTED)),
    refused={
        name: f"SPDM knows {name}, this emulator has no answer for what it offers"
        for name in capabilities.names(~capabilities.IMPLEMENTED)
    },
)
REQUESTER_FLAGS = Vocabulary(tuple(capabilities.names(REQUESTER_MASK[max(REQUESTER_MASK)])))
ASYM = _algorithms(algorithms.SIGNATURES)
HASHES = _algorithms(algorithms.HASHES)
DHE_GROUPS = _algorithms(algorithms.DHE_GROUPS)
AEADS = _algorithms(algorithms.AEADS)
KEY_SCHEDULES = _algorithms(algorithms.KEY_SCHEDULES)
MEASUREMENT_HASHES = _algorithms(algorithms.MEASUREMENT_HASHES)
OPAQUE_FORMATS = Vocabulary(tuple(OpaqueFormat.__members__))
WAITING_REQUESTS = Vocabulary(tuple(code.name for code in Code if code in MAY_WAIT))
MEASUREMENT_TYPES = Vocabulary(tuple(KINDS))
OPERATIONAL_MODES = Vocabulary(tuple(map(flag_name, OperationalMode)))
DEBUG_MODES = Vocabulary(tuple(map(flag_name, DebugMode)))


def flags(names: Iterable[str]) -> Cap:
    """The capability flags of these names together."""
    together = capabilities.NONE
    for name in names:
        together |= Cap[name]
    return together
