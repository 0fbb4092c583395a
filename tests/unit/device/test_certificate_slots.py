import hashlib

import pytest
from devices import chain

from emulator.device import CertificateChain, Measurement, Measurements, Slot
from emulator.device.slots import MAX_CHAIN


@pytest.mark.parametrize("scheme", ["ECDSA_P256", "ECDSA_P384"])
def test_a_chain_is_length_root_hash_certificates(scheme: str) -> None:
    held = chain(scheme)
    for name, function in (("SHA_256", hashlib.sha256), ("SHA_384", hashlib.sha384)):
        raw = held.spdm(name)
        size = function().digest_size
        assert int.from_bytes(raw[:2], "little") == len(raw)
        assert raw[2:4] == bytes(2)  # reserved up to 1.3
        assert raw[4 : 4 + size] == function(held.certificates[0]).digest()
        assert raw[4 + size :] == b"".join(held.certificates)
        assert held.digest(name) == function(raw).digest()
        assert held.spdm(name) is raw
        assert held.size(name) == len(raw)
        assert held.digest(name) is held.digest(name)


def test_a_chain_without_its_root_still_names_it() -> None:
    whole = chain("ECDSA_P256")
    short = CertificateChain(whole.certificates[1:], whole.root, whole.key)
    raw = short.spdm("SHA_256")
    assert raw[4:36] == hashlib.sha256(whole.root).digest()
    assert raw[36:] == b"".join(whole.certificates[1:])
    assert short.digest("SHA_256") != whole.digest("SHA_256")


def test_a_slot_is_renewed_once_for_each_change() -> None:
    asked: list[tuple[str, bytes]] = []

    def renew(scheme: str, measurements: Measurements) -> CertificateChain:
        asked.append((scheme, next(iter(measurements)).value))
        return chain(scheme, len(asked))

    measured = Measurements((Measurement(1, 0, b"one"),))
    slot = Slot({"ECDSA_P256": chain("ECDSA_P256")}, renew)
    assert slot.chain("ECDSA_P256", measured) is chain("ECDSA_P256")
    assert slot.chain("ECDSA_P384", measured) is None
    measured.change(1, b"two")
    assert slot.chain("ECDSA_P384", measured) is None
    first = slot.chain("ECDSA_P256", measured)
    assert slot.chain("ECDSA_P256", measured) is first is chain("ECDSA_P256", 1)
    measured.change(1, b"three")
    assert slot.chain("ECDSA_P256", measured) is chain("ECDSA_P256", 2)
    assert asked == [("ECDSA_P256", b"two"), ("ECDSA_P256", b"three")]


def test_a_slot_that_is_not_renewed_keeps_its_chain() -> None:
    measured = Measurements((Measurement(1, 0, b"one"),))
    measured.change(1, b"two")
    slot = Slot({"ECDSA_P256": chain("ECDSA_P256")})
    assert slot.chain("ECDSA_P256", measured) is chain("ECDSA_P256")


def test_a_slot_is_small_where_no_hash_makes_a_chain_too_large_now_or_later() -> None:
    held = chain("ECDSA_P256")
    for hash_name in ("SHA_256", "SHA_512"):
        assert len(held.spdm(hash_name)) <= held.largest
    assert len(held.spdm("SHA_512")) == held.largest
    room = MAX_CHAIN - 4 - 64
    for size, small in ((room, True), (room + 1, False)):
        long = CertificateChain((bytes(size),), bytes(size), held.key)
        assert Slot({"ECDSA_P256": held, "ECDSA_P384": long}).small is small
    assert not Slot({"ECDSA_P256": held}, lambda _scheme, _measured: held).small
