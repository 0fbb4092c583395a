"""The links of devices that are served."""

import pytest
from unit.serve.loopback import NOW

from emulator.client.link import link
from emulator.entropy import Seeded
from emulator.link import End
from emulator.profile import load
from emulator.profile.recipe import Recipe
from emulator.serve.fleet import Fleet, Served

SETS = ("ide.socket.host=127.0.0.1", "ide.selective[0].enabled=false")


def everything(name: str, *sets: str) -> Served:
    recipe = Recipe("everything", name=name, sets=(*SETS, *sets))
    loaded = load("everything", sets=recipe.sets, at=NOW)
    made = recipe.build(loaded, entropy=Seeded(1).fork(name), at=NOW)
    return Served(recipe, loaded, made, "127.0.0.1", 0)


async def test_a_profile_may_want_its_link_on_a_socket() -> None:
    fleet = Fleet()
    one = everything("one")
    try:
        await fleet.start(one)
        assert one.link_bound is not None
        async with link(*one.link_bound, end=End("root port"), port=7) as line:
            await line.write(0, b"data")
            assert await line.read(0, 4) == b"data"
    finally:
        await fleet.close()


async def test_an_address_that_cannot_be_had() -> None:
    fleet = Fleet()
    one = everything("one")
    try:
        await fleet.start(one)
        assert one.link_bound is not None
        two = everything("two", f"ide.socket.port={one.link_bound[1]}")
        with pytest.raises(OSError, match="in use"):
            await fleet.start(two)
        assert list(fleet.served) == ["one"]
    finally:
        await fleet.close()
