"""How long the fuzz tests look: seconds by default, for as long as one likes on request.

`HYPOTHESIS_PROFILE=deep pytest --timeout 0 tests/fuzz` goes through a hundred times as many. A
failure prints its example and the `@reproduce_failure` line that repeats it.
"""

import os

from hypothesis import HealthCheck, settings

_TIMES = {"default": 1, "deep": 100}
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
if _PROFILE not in _TIMES:
    raise ValueError(f"HYPOTHESIS_PROFILE is {_PROFILE!r}; it may be {' or '.join(_TIMES)}")
TIMES = _TIMES[_PROFILE]


def fuzzing(examples: int, *, steps: int = 50) -> settings:
    """Settings for so many examples by default; `steps` of a state machine in each."""
    return settings(
        max_examples=examples * TIMES,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
