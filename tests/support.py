"""Helpers for tests that need something outside this repository."""

import os

import pytest


def require_or_skip(condition: bool, hint: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Skip the test unless `condition`; `hint` says how to get what it lacks.

    Under CI (the environment variable CI is set) what is lacking is a failure: CI installs it.
    """
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI lacks what this test needs: {hint}")
    pytest.skip(hint)
