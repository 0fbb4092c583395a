from devices import chain, device

from emulator.device import Sizes, Slot, Timing
from emulator.device.device import QEMU_REPLY
from emulator.entropy import Seeded, System


def test_slots_are_provisioned_for_the_scheme_they_hold_a_chain_of() -> None:
    held = device(slots={0: ("ECDSA_P384", "ECDSA_P256"), 3: ("ECDSA_P256",), 7: ("ECDSA_P384",)})
    assert held.provisioned("ECDSA_P384") == 0b1000_0001
    assert held.provisioned("ECDSA_P256") == 0b0000_1001
    assert held.provisioned("RSASSA_2048") == 0
    assert device(slots={}).provisioned("ECDSA_P384") == 0


def test_connections_are_counted_and_each_gets_a_source_of_its_own() -> None:
    one = device(entropy=Seeded(1))
    (first, source), (second, other) = one.attach(), one.attach()
    assert (first, second, one.connections) == (1, 2, 2)
    assert source.bytes(16, label="nonce") != other.bytes(16, label="nonce")
    again = device(entropy=Seeded(1))
    assert again.attach()[1].bytes(16, label="x") == Seeded(1, path="/connection 1").bytes(
        16, label="x"
    )


def test_two_devices_share_nothing() -> None:
    one, other = device(entropy=System()), device(entropy=System())
    one.attach()
    one.measurements.change(1, b"changed")
    assert (other.connections, other.measurements.generation) == (0, 0)


def test_what_qemu_takes_bounds_a_device_that_says_nothing_else() -> None:
    assert QEMU_REPLY == 0x1200
    assert Sizes() == Sizes(4600, 4600, 4600, 0)
    assert Timing() == Timing(ct_exponent=20, delay=0.0)


def test_a_slot_has_a_chain_a_scheme() -> None:
    slot = Slot({"ECDSA_P256": chain("ECDSA_P256")})
    assert slot.chains["ECDSA_P256"].key.scheme == "ECDSA_P256"
