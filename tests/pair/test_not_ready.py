"""A requester waits for a slow device, and either side goes on from an earlier negotiation."""

from dataclasses import replace

import pytest
from asking import ROOTS, Host
from chains import AT, SAN
from devices import CAPABILITIES, device

from emulator.ask import wait_asked
from emulator.device import Device, Sizes, Timing
from emulator.requester import Offer
from emulator.requester.attest import attest
from emulator.spdm.agreement import Agreement
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages import SupportedAlgorithms
from emulator.spdm.pending import MAY_WAIT, Readiness
from emulator.spdm.versions import Version


class Patient(Host):
    """Waits as long as it is told to, and a little for what lies between."""

    def answer(self, request: bytes) -> bytes:
        reply = super().answer(request)
        self.peer.now += wait_asked(reply) * 1.001
        return reply


def _without_negotiation(agreement: Agreement) -> Agreement:
    return replace(agreement, negotiation=())


def slow(policy: Readiness) -> Device:
    return device(versions=tuple(Version), timing=Timing(not_ready=policy))


@pytest.mark.parametrize("version", tuple(Version))
@pytest.mark.parametrize(
    "policy",
    [Readiness(), Readiness(MAY_WAIT, 0, 2), Readiness(MAY_WAIT, 31, 255), Readiness(tries=2)],
    ids=["signed", "all", "all long", "tries"],
)
def test_a_slow_device_is_attested(version: Version, policy: Readiness) -> None:
    host = Patient(slow(policy), offer=Offer(versions=(version,)))
    verdict = host.run(attest(host.requester, trust=ROOTS, at=AT, expected_san=SAN))
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]
    asked = [request[1] for request in host.sent]
    waited = asked.count(Code.RESPOND_IF_READY)
    expected = 2 if policy.requests is None else len(asked) - waited - 3
    assert waited == expected * (1 + policy.tries)


def test_a_requester_that_is_not_patient_gives_up() -> None:
    host = Patient(slow(Readiness(tries=9)), offer=Offer(retries=3)).connected(0)
    verdict = host.run(attest(host.requester, trust=ROOTS, at=AT, expected_san=SAN))
    (challenge,) = [step for step in verdict.steps if step.name == "challenge"]
    assert challenge.ok is False
    assert "RESPONSE_NOT_READY" in challenge.detail


def test_a_negotiation_is_gone_on_from_later() -> None:
    held = device(capabilities=CAPABILITIES | Cap.CACHE)
    first = Host(held).connected()
    later = Host(held)
    later.requester.assume(first.connection.agreement())
    later.run(later.requester.certificate(0))
    later.run(later.requester.challenge(0))
    later.run(later.requester.measurements())
    assert [request[1] for request in later.sent][:1] == [Code.GET_CERTIFICATE]


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])
def test_a_provisioned_negotiation_is_gone_on_from_after_get_version(version: Version) -> None:
    known = Host(offer=Offer(versions=(version,))).connected()
    ours, theirs = (end.agreement() for end in (known.connection, known.peer.connection))
    held = device(provisioned_agreement=_without_negotiation(theirs))
    host = Host(held, offer=Offer(versions=(version,)))
    host.run(host.requester.version())
    host.requester.assume(_without_negotiation(ours))
    host.run(host.requester.certificate(0))
    host.run(host.requester.challenge(0))
    host.run(host.requester.measurements())
    assert Code.GET_CAPABILITIES not in [request[1] for request in host.sent]


@pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])
@pytest.mark.parametrize("size", [42, 64, 4600])
def test_all_algorithms_are_told_when_asked_for(version: Version, size: int) -> None:
    sizes = Sizes(data_transfer=4600, max_message=8000)
    held = device(versions=tuple(Version), capabilities=CAPABILITIES | Cap.CHUNK, sizes=sizes)
    offer = Offer(
        versions=(version,),
        capabilities=Cap.CHUNK,
        data_transfer_size=size,
        max_message=8000,
        ask_algorithms=True,
    )
    host = Host(held, offer=offer)
    host.run(host.requester.version())
    theirs = host.run(host.requester.capabilities())
    (block,) = theirs.supported
    assert isinstance(block, SupportedAlgorithms)
    assert (block.base_asym, block.base_hash, block.length) == (0x90, 0x03, 30)
    in_chunks = Code.CHUNK_GET in [request[1] for request in host.sent]
    assert in_chunks == (size < 50)
    host.run(host.requester.algorithms())
    host.run(host.requester.certificate(0))
    host.run(host.requester.challenge(0))


def test_all_algorithms_are_not_asked_for_without_chunk() -> None:
    host = Host(offer=Offer(ask_algorithms=True))
    host.run(host.requester.version())
    assert host.run(host.requester.capabilities()).supported == ()
