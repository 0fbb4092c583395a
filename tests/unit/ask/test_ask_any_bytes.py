"""Whatever a peer sends, nothing but a PeerError comes out."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pytest
from asking import Host, patched
from chains import issued
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.ask import (
    AlgorithmsRequest,
    CapabilitiesRequest,
    CertificateRequest,
    ChallengeRequest,
    DigestsRequest,
    MeasurementsRequest,
    Request,
    VendorRequest,
    VersionRequest,
    read_chain,
)
from emulator.errors import PeerError
from emulator.spdm.capabilities import NONE
from emulator.spdm.messages import RequestAttributes
from emulator.spdm.versions import Version

Made = tuple[Request[object], bytes]


def version(host: Host) -> Request[object]:
    return VersionRequest(host.connection, [Version.V1_3])


def capabilities(host: Host) -> Request[object]:
    return CapabilitiesRequest(
        host.connection, flags=NONE, ct_exponent=0, data_transfer_size=4600, max_message=4600
    )


def algorithms(host: Host) -> Request[object]:
    offer = host.requester.offer
    return AlgorithmsRequest(
        host.connection,
        asym=offer.asym_rows,
        hashes=offer.hash_rows,
        measurement_specification=1,
        opaque_formats=2,
    )


def digests(host: Host) -> Request[object]:
    return DigestsRequest(host.connection)


def certificate(host: Host) -> Request[object]:
    return CertificateRequest(host.connection, slot=0, offset=0, length=64, total=None)


def challenge(host: Host) -> Request[object]:
    chain = host.requester.chains[0]
    return ChallengeRequest(host.connection, signer=chain, nonce=bytes(32), context=bytes(8))


def measurements(host: Host) -> Request[object]:
    return MeasurementsRequest(
        host.connection,
        operation=0xFF,
        attributes=RequestAttributes(0),
        context=bytes(8),
        nonce=bytes(32),
        signer=host.requester.chains[0],
    )


def vendor(host: Host) -> Request[object]:
    return VendorRequest(host.connection, standard=3, vendor=b"\x01\x00", payload=b"abc")


FAMILIES: dict[Callable[[Host], Request[object]], int] = {
    version: 0,
    capabilities: 1,
    algorithms: 2,
    digests: 3,
    certificate: 3,
    challenge: 3,
    measurements: 3,
    vendor: 3,
}


@cache
def made(family: Callable[[Host], Request[object]]) -> Made:
    """A request of the family, and a good reply to it (a vendor's: an ERROR)."""
    host = Host()
    if FAMILIES[family] == 3:
        host.connected(0)
    elif FAMILIES[family] > 0:
        host.run(host.requester.version())
        if FAMILIES[family] > 1:
            host.run(host.requester.capabilities())
    request = family(host)
    return request, host.answer(request.raw)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_bent_replies(family: Callable[[Host], Request[object]], data: st.DataObject) -> None:
    request, reply = made(family)
    at = data.draw(st.integers(0, len(reply) - 1))
    bent = patched(reply, at, data.draw(st.binary(min_size=1, max_size=4)))
    with suppress(PeerError):
        request.accept(bent[: data.draw(st.integers(0, len(bent)))])
    with suppress(PeerError):
        request.accept(bent)


@pytest.mark.parametrize("family", FAMILIES)
@given(tail=st.binary(max_size=80))
@example(tail=b"")
def test_any_bytes_after_a_good_header(
    family: Callable[[Host], Request[object]], tail: bytes
) -> None:
    request, reply = made(family)
    with suppress(PeerError):
        request.accept(reply[:2] + tail)
    with suppress(PeerError):
        request.accept(tail)


DER = issued().der


@given(at=st.integers(0, len(DER) - 1), new=st.binary(min_size=1, max_size=3))
def test_bent_chains(at: int, new: bytes) -> None:
    body = patched(DER, at, new)
    spdm = (36 + len(body)).to_bytes(4, "little") + bytes(32) + body
    with suppress(PeerError):
        chain = read_chain(0, spdm, "SHA_256")
        chain.key("ECDSA_P256")
