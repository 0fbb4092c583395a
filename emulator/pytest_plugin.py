"""A pytest plugin: the fixture `spdm_device`, a device for a test's requester.

pytest loads this module in every run, so that it imports nothing until the fixture is used.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from emulator.campaign import HostedDevice

_USED = pytest.StashKey[list["HostedDevice"]]()


class SpdmDevice(Protocol):
    """What the fixture `spdm_device` is: a call for each device a test wants."""

    def __call__(
        self,
        profile: str | Path = "nvme-ssd",
        *,
        faults: Sequence[str | Path] = (),
        rules: Sequence[Mapping[str, Any]] = (),
        set: Sequence[str] = (),  # noqa: A002 - as the command's option
        seed: str | None = None,
    ) -> "HostedDevice":
        """A device that listens until the test ends.

        Args:
            profile: a ready profile's name, or a file.
            faults: names of presets, and files of fault rules (with a suffix).
            rules: fault rules, as mappings of what a file would say.
            set: profile values to override, as PATH=VALUE.
            seed: of everything the device draws; without one a new one, told when a test fails.

        Raises ProfileError.
        """
        ...


@pytest.fixture
def spdm_device(request: pytest.FixtureRequest) -> Iterator[SpdmDevice]:
    """Make SPDM devices, each listening on a port of its own until the test ends."""
    from emulator.campaign.hosted import host  # noqa: PLC0415 - only where it is used

    with ExitStack() as devices:
        used = request.node.stash.setdefault(_USED, [])

        def make(profile: str | Path = "nvme-ssd", **options: Any) -> "HostedDevice":
            device = devices.enter_context(host(profile, **options))
            used.append(device)
            return device

        yield make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Tell the conversations of a test that failed."""
    if call.when == "call" and call.excinfo is not None:
        for device in item.stash.get(_USED, []):
            item.add_report_section("call", "spdm device", device.story)
    return (yield)
