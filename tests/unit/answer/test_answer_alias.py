"""Alias certificates: they follow the measurements, and no connection sees two mixed."""

import hashlib

import pytest
from chains import issued
from devices import (
    GET_VERSION,
    MEASURED,
    Peer,
    challenge,
    device,
    error,
    get_certificate,
    get_digests,
    get_measurements,
    negotiated,
)

from emulator.crypto.certificate import Certificate
from emulator.crypto.tcb import Fwid, TcbInfo
from emulator.device import CertificateChain, Device, Measurements, Slot
from emulator.pki.issue import LeafOptions
from emulator.spdm.state import State

RESYNCH = error(0x13, 0x43)


def renew(scheme: str, measurements: Measurements) -> CertificateChain:
    """A chain whose leaf has a FWID for all measurements together."""
    values = b"".join(one.value for one in measurements)
    info = TcbInfo(fwids=(Fwid("SHA_256", hashlib.sha256(values).digest()),))
    made = issued(scheme, options=LeafOptions(model="alias", tcb_info=info))
    return CertificateChain(made.certificates, made.root, made.key)


def held() -> Device:
    """An alias in slot 0, a device certificate in slot 2."""
    made = device()
    alias = {"ECDSA_P384": renew("ECDSA_P384", Measurements(MEASURED))}
    made.slots = {**made.slots, 0: Slot(alias, renew)}
    return made


def update(to: Device) -> None:
    """New firmware: another measurement."""
    to.measurements.change(2, b"other firmware")


def served(peer: Peer) -> bytes:
    return peer.good(get_certificate())[8:]


def states(chain: bytes, reply: bytes) -> bool:
    """Whether CHALLENGE_AUTH has the hash of the chain; pair tests verify its signature."""
    return reply[4:52] == hashlib.sha384(chain).digest()


def test_a_new_connection_gets_the_new_certificate() -> None:
    to = held()
    before = served(negotiated(to))
    update(to)
    after = served(negotiated(to))
    old, new = (
        Certificate.parse(chain[-len(leaf) :])
        for chain, leaf in (
            (before, to.slots[0].chains["ECDSA_P384"].certificates[-1]),
            (after, renew("ECDSA_P384", to.measurements).certificates[-1]),
        )
    )
    assert old.tcb_info != new.tcb_info
    assert old.key is not None
    assert new.key is not None
    assert old.key.spki != new.key.spki
    assert old.issuer == new.issuer
    peer = negotiated(to)
    digests = peer.good(get_digests())
    assert digests[4:52] == hashlib.sha384(after).digest()
    assert states(after, peer.good(challenge()))


def test_portions_of_two_chains_are_never_mixed() -> None:
    to = held()
    peer = negotiated(to)
    peer.good(get_certificate(length=100))
    update(to)
    assert peer.ask(get_certificate(offset=100)) == RESYNCH
    assert peer.ask(get_certificate()) == RESYNCH


@pytest.mark.parametrize(
    "request_", [challenge(), get_certificate(), get_measurements(signed=True)]
)
def test_after_digests_another_chain_takes_a_new_beginning(request_: bytes) -> None:
    to = held()
    peer = negotiated(to)
    first = peer.good(get_digests())
    update(to)
    assert peer.ask(request_) == RESYNCH
    second = peer.good(get_digests())
    assert second != first
    assert second[4:52] == hashlib.sha384(served(peer)).digest()
    assert states(served(peer), peer.good(challenge()))


def test_a_challenge_counts_as_shown() -> None:
    to = held()
    peer = negotiated(to)
    assert states(to.slots[0].chains["ECDSA_P384"].spdm("SHA_384"), peer.good(challenge()))
    update(to)
    assert peer.ask(challenge()) == RESYNCH
    peer.good(GET_VERSION)
    peer.climb(State.NEGOTIATED)
    peer.good(challenge())


def test_signed_measurements_count_as_shown() -> None:
    to = held()
    peer = negotiated(to)
    peer.good(get_measurements(signed=True))
    update(to)
    assert peer.ask(get_measurements(signed=True)) == RESYNCH
    peer.good(get_measurements())


def test_other_slots_stay_as_they_are() -> None:
    to = held()
    peer = negotiated(to)
    peer.good(get_digests())
    update(to)
    peer.good(get_certificate(slot=2))
    peer.good(challenge(slot=2))
    changed = peer.good(get_measurements(signed=True, slot=2))
    assert changed[3] == 0x22
    assert peer.connection.certified == 0


def test_without_alias_certificates_nothing_is_noted() -> None:
    peer = negotiated()
    peer.good(get_digests())
    peer.good(get_certificate())
    assert peer.connection.certified is None
