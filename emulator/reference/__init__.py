"""Reference values in files: what a verifier should expect of a device, as JSON and as CoRIM."""

from emulator.reference.corim import from_corim, to_corim
from emulator.reference.cose import sign, verified
from emulator.reference.files import read, to_json

__all__ = ["from_corim", "read", "sign", "to_corim", "to_json", "verified"]
