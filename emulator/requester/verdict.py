"""What an attestation found out, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SCHEMA_NAME = "spdm-emulator verdict 1"
"""What `to_json` says it is; the number grows when a field changes its meaning or goes."""

SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": SCHEMA_NAME,
    "type": "object",
    "required": ["schema", "ok", "at", "steps"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": SCHEMA_NAME},
        "ok": {"type": "boolean", "description": "The device proved to be what it should be."},
        "at": {"type": "string", "format": "date-time", "description": "When it was judged."},
        "steps": {
            "type": "array",
            "description": "In the order they were taken.",
            "items": {
                "type": "object",
                "required": ["name", "ok", "detail", "evidence"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "ok": {
                        "type": ["boolean", "null"],
                        "description": "Whether it passed; null: nothing was judged.",
                    },
                    "detail": {"type": "string", "description": "One sentence for a person."},
                    "evidence": {
                        "type": "object",
                        "description": "What was found; bytes are hexadecimal.",
                    },
                },
            },
        },
    },
}
"""JSON Schema of `Verdict.to_json`; what each step's evidence holds is in `attest`'s steps."""


@dataclass(frozen=True)
class Step:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        ok: whether it passed; None where nothing was judged.
        detail: one sentence: what was found, or why not.
        evidence: the facts, as JSON values.
    """

    name: str
    ok: bool | None
    detail: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """All steps, and when they were judged."""

    steps: tuple[Step, ...]
    at: datetime

    @property
    def ok(self) -> bool:
        """No step failed. A flow adds a failed step where nothing was proved at all."""
        return all(step.ok is not False for step in self.steps)

    def step(self, name: str) -> Step:
        """The step called `name`. Raises KeyError."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON values; its shape is `SCHEMA`."""
        return {
            "schema": SCHEMA_NAME,
            "ok": self.ok,
            "at": self.at.isoformat(),
            "steps": [
                {
                    "name": step.name,
                    "ok": step.ok,
                    "detail": step.detail,
                    "evidence": dict(step.evidence),
                }
                for step in self.steps
            ],
        }
