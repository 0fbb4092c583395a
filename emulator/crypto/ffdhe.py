"""The primes of RFC 7919's finite-field groups, made as its appendix A makes them.

p = 2^b - 2^(b-64) + (floor(2^(b-130) · e) + X) · 2^64 - 1, with the X that the RFC names for each
size: the least for which p and (p - 1) / 2 are prime.
"""

_X = {2048: 560316, 3072: 2625351, 4096: 5736041}
_GUARD = 64
"""Bits beyond those needed, so that the truncated series rounds to the right integer."""


def _e(bits: int) -> int:
    """Euler's number times 2^bits, rounded down: the series 1/n! over all n."""
    term = total = 1 << (bits + _GUARD)
    divisor = 0
    while term:
        divisor += 1
        term //= divisor
        total += term
    return total >> _GUARD


def _prime(bits: int) -> int:
    low = _e(bits - 130) + _X[bits]
    return (1 << bits) - (1 << (bits - 64)) + (low << 64) - 1


PRIMES = {f"FFDHE_{bits}": _prime(bits) for bits in _X}
"""The primes by the names of the algorithm table."""

PRIVATE_BITS = {"FFDHE_2048": 225, "FFDHE_3072": 275, "FFDHE_4096": 325}
"""How long private values are (RFC 7919 §5.2): longer ones are slower, and no safer."""
