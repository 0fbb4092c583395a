"""Attesting devices in memory: the whole flow, devices that bend their replies, and the verdict."""

from collections.abc import Callable, Sequence
from datetime import datetime

import jsonschema
from asking import ROOTS, Host
from chains import AT, SAN

from emulator.crypto.keys import VerifyingKey
from emulator.requester import Verdict, attest
from emulator.requester.attest import PLAN
from emulator.requester.reading import MeasurementMode
from emulator.requester.verdict import SCHEMA


class Bent(Host):
    """A host whose device's replies to requests of one code arrive bent."""

    code: int = 0
    bend: Callable[[bytes], bytes]

    def answer(self, request: bytes) -> bytes:
        reply = super().answer(request)
        return self.bend(reply) if request[1] == self.code else reply


def bent(code: int, bend: Callable[[bytes], bytes]) -> Bent:
    host = Bent()
    host.code, host.bend = code, bend
    return host


def judge(
    host: Host,
    *,
    trust: tuple[bytes, ...] = ROOTS,
    san: str | None = SAN,
    slot: int | None = None,
    public_keys: Sequence[VerifyingKey] = (),
    measurements: MeasurementMode = "all",
    raw: bool = False,
    at: datetime = AT,
) -> Verdict:
    verdict = host.run(
        attest(
            host.requester,
            trust=trust,
            at=at,
            expected_san=san,
            slot=slot,
            public_keys=public_keys,
            measurements=measurements,
            raw=raw,
        )
    )
    jsonschema.validate(verdict.to_json(), dict(SCHEMA))
    assert [step.name for step in verdict.steps if step.name in PLAN] == sorted(
        (step.name for step in verdict.steps if step.name in PLAN), key=PLAN.index
    )
    assert set(PLAN) <= {step.name for step in verdict.steps}
    return verdict


def failed(verdict: Verdict) -> list[str]:
    return [step.name for step in verdict.steps if step.ok is False]


def skipped(verdict: Verdict) -> list[str]:
    return [step.name for step in verdict.steps if step.ok is None]
