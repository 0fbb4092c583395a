"""A ready profile's device with faults, and the host that judges it."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from asking import Host

from emulator.device import Device
from emulator.entropy import Seeded
from emulator.faults import Rule
from emulator.faults.engine import Faults
from emulator.pki.authority import sample_roots
from emulator.profile import LoadedProfile, build, load
from emulator.requester import DEFAULT, Offer, Verdict
from emulator.requester.attest import attest
from emulator.spdm.stages import Fired

AT = datetime(2025, 6, 1, tzinfo=UTC)


@cache
def loaded(profile: str, *sets: str) -> LoadedProfile:
    return load(profile, sets=sets, at=AT)


def rule(do: str | dict[str, Any], on: dict[str, Any] | None = None, **more: Any) -> Rule:
    """A rule of one effect, as a file would have it."""
    told = {"name": "the-rule", "on": on or {}, "do": [do], **more}
    return Rule.model_validate(told)


def faulty(*rules: Rule, profile: str = "nvme-ssd", sets: tuple[str, ...] = ()) -> Device:
    return build(loaded(profile, *sets), entropy=Seeded("faulty"), at=AT, rules=rules)


def faults_of(device: Device) -> Faults:
    assert isinstance(device.stages, Faults)
    return device.stages


class FaultyHost(Host):
    """A host on a new connection of a device with its faults.

    Attributes:
        fired: what the device said of its faults on this connection.
    """

    def __init__(self, to: Device, *, offer: Offer = DEFAULT) -> None:
        super().__init__(to, offer=offer)
        self.fired: list[Fired] = []
        if to.stages is not None:
            stages = to.stages.attach(to.connections)
            stages.fired = self.fired.append
            self.peer.responder._stages = stages

    def judge(self, san: str = "", slot: int | None = None) -> Verdict:
        """Attest the device."""
        flow = attest(
            self.requester,
            trust=sample_roots(),
            at=AT,
            expected_san=san or loaded("nvme-ssd").identity.san,
            slot=slot,
        )
        return self.run(flow)


def failed(verdict: Verdict) -> set[str]:
    """The steps that are not good."""
    return {step.name for step in verdict.steps if step.ok is False}
