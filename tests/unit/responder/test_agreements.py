"""Going on from a negotiation that was made elsewhere: CACHE, and VER_ONLY.

Source: DMTF spdm-emu `spdm_emu_common/nv_storage.c`.
"""

from collections.abc import Callable

import pytest
from devices import (
    CAPABILITIES,
    GET_VERSION,
    Peer,
    challenge,
    device,
    error,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    negotiated,
)
from unit.responder.verifying import verify

from emulator.device import Device
from emulator.spdm import algorithms
from emulator.spdm.agreement import Agreement
from emulator.spdm.capabilities import Cap
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.state import State
from emulator.spdm.versions import Version

FOLLOWING: list[Callable[[], bytes]] = [get_digests, get_certificate, challenge, get_measurements]


def caching() -> Device:
    return device(versions=tuple(Version), capabilities=CAPABILITIES | Cap.CACHE)


def provisioned(version: int = 0x13) -> Device:
    return device(
        provisioned_agreement=Agreement(
            version=version,
            local_capabilities=CAPABILITIES,
            algorithms=Negotiated(
                measurement_specification=1,
                measurement_hash=algorithms.by_name(algorithms.MEASUREMENT_HASHES, "SHA_384"),
                asym=algorithms.by_name(algorithms.SIGNATURES, "ECDSA_P384"),
                hash=algorithms.by_name(algorithms.HASHES, "SHA_384"),
            ),
        )
    )


class TestCache:
    @pytest.mark.parametrize("version", [0x12, 0x13])
    def test_a_later_connection_goes_on_from_the_negotiation(self, version: int) -> None:
        held = caching()
        first = negotiated(held, version=version)
        later = Peer(held, version=version)
        later.good(get_digests(version))
        later.good(challenge(version))
        # What was negotiated before is signed with it.
        verify([*first.said[:3], *later.said])

    @pytest.mark.parametrize("request_of", FOLLOWING)
    def test_any_request_that_follows_on_a_negotiation_may_come_first(
        self, request_of: Callable[[], bytes]
    ) -> None:
        held = caching()
        negotiated(held)
        Peer(held).good(request_of())

    def test_without_the_capability_nothing_is_kept(self) -> None:
        held = device()
        negotiated(held)
        assert Peer(held).ask(get_digests()) == error(0x10, 0x04)

    def test_nothing_was_negotiated_yet(self) -> None:
        held = caching()
        assert Peer(held).ask(get_digests()) == error(0x10, 0x04)
        peer = Peer(held)
        peer.good(GET_VERSION)
        peer.good(get_capabilities())
        assert Peer(held).ask(get_digests()) == error(0x10, 0x04)

    def test_get_version_makes_the_device_forget(self) -> None:
        held = caching()
        negotiated(held)
        Peer(held).good(GET_VERSION)
        assert Peer(held).ask(get_digests()) == error(0x10, 0x04)

    def test_the_last_negotiation_is_the_one_that_is_kept(self) -> None:
        held = caching()
        negotiated(held, version=0x12)
        negotiated(held, version=0x13)
        assert Peer(held).ask(get_digests(0x12)) == error(0x10, 0x04)
        Peer(held).good(get_digests(0x13))

    @pytest.mark.parametrize(
        "request_", [get_capabilities(), negotiate_algorithms(), bytes((0x13, 0x02, 0, 0)), b"\x13"]
    )
    def test_what_does_not_follow_on_one_takes_nothing_up(self, request_: bytes) -> None:
        held = caching()
        negotiated(held)
        peer = Peer(held)
        assert peer.ask(request_)[1] == 0x7F
        assert peer.connection.state == State.NOT_STARTED

    def test_two_connections_go_on_by_themselves(self) -> None:
        held = caching()
        first = negotiated(held)
        one, other = Peer(held), Peer(held)
        one.good(get_digests())
        other.good(challenge())
        one.good(challenge())
        verify([*first.said[:3], *one.said])
        verify([*first.said[:3], *other.said])


class TestVersionOnly:
    @pytest.mark.parametrize("version", [0x12, 0x13])
    def test_a_requester_goes_on_after_get_version(self, version: int) -> None:
        peer = Peer(provisioned(version), version=version)
        peer.good(GET_VERSION)
        peer.good(get_digests(version))
        peer.good(challenge(version))
        verify(peer.said)
        peer.good(get_measurements(version, signed=True))
        verify([peer.said[0], peer.said[-1]])

    def test_it_may_negotiate_all_the_same(self) -> None:
        peer = negotiated(provisioned())
        peer.good(challenge())
        verify(peer.said)

    def test_not_in_another_version(self) -> None:
        peer = Peer(provisioned(0x12))
        peer.good(GET_VERSION)
        assert peer.ask(get_digests(0x13)) == error(0x10, 0x04)
        peer.good(get_capabilities(0x13))

    def test_not_before_get_version(self) -> None:
        assert Peer(provisioned()).ask(get_digests()) == error(0x10, 0x04)

    def test_once_it_went_on_there_is_nothing_to_negotiate(self) -> None:
        peer = Peer(provisioned())
        peer.good(GET_VERSION)
        assert peer.ask(challenge(slot=1)) == error(0x13, 0x01)
        assert peer.ask(get_capabilities()) == error(0x13, 0x04)
        peer.good(GET_VERSION)
        peer.good(get_capabilities())
