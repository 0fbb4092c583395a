"""Devices that are slow to sign, and that sign when a test lets them."""

import threading

from devices import chain, device

from emulator.crypto.keys import SigningKey
from emulator.crypto.scheme import Signable
from emulator.device import CertificateChain, Device, Slot, Timing
from emulator.spdm.capabilities import NONE, Cap


class SlowKey(SigningKey):
    """Says that it is slow, and is not: signatures are those of the key it is made of."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__(key.pyca, key.scheme)
        self.slow = True


class GatedKey(SlowKey):
    """Signs once a test opens the gate, and tells when it has begun to wait."""

    PATIENCE = 20.0

    def __init__(self, key: SigningKey) -> None:
        super().__init__(key)
        self.begun = threading.Event()
        self.gate = threading.Event()

    def sign(self, signed: Signable) -> bytes:
        self.begun.set()
        assert self.gate.wait(self.PATIENCE), "the test never opened the gate"
        return super().sign(signed)


def with_key(scheme: str, key: SigningKey) -> CertificateChain:
    """The chain that a device of these tests holds in slot 0, with another object for its key."""
    made = chain(scheme)
    return CertificateChain(made.certificates, made.root, key)


def slow_device(
    *, schemes: tuple[str, ...] = ("ECDSA_P384",), timing: Timing | None = None, more: Cap = NONE
) -> Device:
    """A device whose signatures are computed aside."""
    made = device(asym=schemes, timing=timing)
    made.capabilities |= more
    made.slots = {0: Slot({name: with_key(name, SlowKey(chain(name).key)) for name in schemes})}
    return made


def quick_device(*, timing: Timing | None = None, more: Cap = NONE) -> Device:
    """The same device, signing at once."""
    made = device(asym=("ECDSA_P384",), timing=timing, slots={0: ("ECDSA_P384",)})
    made.capabilities |= more
    return made
