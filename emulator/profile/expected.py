"""What a verifier should expect of the device of a profile."""

from emulator.profile.load import LoadedProfile
from emulator.requester.appraisal import RAW_BIT, References, ReferenceValue
from emulator.spdm.messages.measurements import RAW_BIT_STREAM


def expected(loaded: LoadedProfile, *, raw: bool = False) -> References:
    """The values its measurements have before anything changes; `raw`: raw where they can be."""
    hash_name = loaded.profile.algorithms.measurement_hash or RAW_BIT
    values = []
    for one in sorted(loaded.measurements, key=lambda entry: entry.index):
        kind, value = one.told(hash_name, raw=raw)
        is_raw = bool(kind & RAW_BIT_STREAM)
        of, runtime = kind & ~RAW_BIT_STREAM, one.state is not None
        values.append(ReferenceValue(one.index, of, is_raw, value, runtime))
    return References(loaded.profile.name, hash_name, tuple(values))
