"""Devices of a fleet keep their state, each in a folder of its own."""

from pathlib import Path

import pytest
from chains import issued
from provisioned import SCHEME
from unit.serve.loopback import NOW

from emulator.client import connect
from emulator.entropy import Seeded
from emulator.profile.recipe import Recipe
from emulator.requester import Offer
from emulator.serve.fleet import Fleet, FleetError, Served, keep_state
from emulator.spdm.versions import Version

SETS = (
    "capabilities=[CERT, CHAL, SET_CERT]",
    f"algorithms={{asym: [{SCHEME}], hash: [SHA_256]}}",
    "measurements=[]",
)
OFFER = Offer(versions=(Version.V1_3,))


def kept(state: Path, *sets: str, name: str = "a/b") -> Served:
    recipe = Recipe("nvme-ssd", (*SETS, *sets), name=name)
    loaded = recipe.load(at=NOW)
    made = recipe.build(loaded, entropy=Seeded(1).fork(name), at=NOW)
    return Served(recipe, loaded, made, port=0, state=state)


def granted(served: Served) -> tuple[bytes, ...]:
    """A chain for the device's key by another authority."""
    key = served.device.slots[0].chains[SCHEME].key
    return issued(SCHEME, key=key).certificates


async def install(served: Served, chain: tuple[bytes, ...]) -> None:
    host, port = served.bound or ("", 0)
    async with connect(host, port, offer=OFFER) as client:
        await client.connect()
        await client.set_certificate(0, chain)


def held(served: Served) -> tuple[bytes, ...]:
    return served.device.slots[0].chains[SCHEME].certificates


async def test_a_device_that_is_served_again_goes_on_from_its_state(tmp_path: Path) -> None:
    served = kept(tmp_path)
    chain = granted(served)
    fleet = Fleet()
    await fleet.start(served)
    await install(served, chain)
    with pytest.raises(FleetError, match=r"a/b: .*a%2Fb: locked by"):
        await Fleet().start(kept(tmp_path))
    await fleet.stop("a/b", "enough")
    again = kept(tmp_path)
    assert held(again) != chain
    await fleet.start(again)
    assert held(again) == chain
    await fleet.close()
    with keep_state(kept(tmp_path)):
        pass


async def test_a_device_keeps_its_state_when_it_gets_another_profile(tmp_path: Path) -> None:
    served = kept(tmp_path)
    chain = granted(served)
    fleet = Fleet()
    await fleet.start(served)
    await install(served, chain)
    for change in (fleet.replace, fleet.reflash):
        other = kept(tmp_path, "sizes.transmit=1024")
        change(served, other.recipe, other.loaded, other.device)
        assert held(served) == chain
    newer = issued(SCHEME, key=served.device.slots[0].chains[SCHEME].key, common_name="newer")
    await install(served, newer.certificates)
    await fleet.close()
    again = kept(tmp_path)
    with keep_state(again):
        assert held(again) == newer.certificates


async def test_a_device_that_cannot_listen_leaves_its_folder(tmp_path: Path) -> None:
    fleet = Fleet()
    served = kept(tmp_path)
    served.host = "unix:/nowhere/at/all"
    with pytest.raises(OSError, match="No such file"):
        await fleet.start(served)
    with keep_state(kept(tmp_path)) as none:
        assert none is None
    await fleet.close()


async def test_a_device_that_cannot_be_provisioned_has_no_folder(tmp_path: Path) -> None:
    recipe = Recipe("nvme-ssd", name="plain")
    loaded = recipe.load(at=NOW)
    made = recipe.build(loaded, entropy=Seeded(1), at=NOW)
    fleet = Fleet()
    await fleet.start(Served(recipe, loaded, made, port=0, state=tmp_path))
    assert fleet.served["plain"].folder is None
    await fleet.close()
