"""Every preset met by DMTF's spdm_requester_emu: what docs/reference/presets-met.md says it does.

As in test_reference_requester.py, which says where the program comes from.
"""

import asyncio
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from interop.test_reference_requester import HINT, REQUESTER, export

from emulator.campaign import Command, Run, Terms, run
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.faults.catalogue import Preset
from emulator.profile import LoadedProfile, build, load
from emulator.profile.faults import presets

pytestmark = pytest.mark.reference

CATALOGUE = presets()
AT = datetime.now(UTC)

PAGE = Path(__file__).parents[2] / "docs/reference/presets-met.md"
TOLD = dict(
    re.findall(
        r"^\| `([^`]+)` \| \w+ \| [*]*(accepted|rejected|hung|crashed)",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)

ONE_BY_ONE = {"measurement-count-too-small", "measurement-count-with-record"}
"""Those that are about the number of measurements, which is asked for only so."""

SECURE = "secure-session"
IN_THE_CLEAR = {"finish-proves-nothing"}
"""Those about handshakes in the clear; the others are met with encrypted ones."""

TERMS = Terms(reject_output=re.compile("^ERROR"))
PATIENCE, LONG = 6.0, 15.0
"""Seconds until a run hangs, and where a device closes the connection after ten."""


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("ours"))


@cache
def loaded(profile: str, *sets: str) -> LoadedProfile:
    return load(profile, sets=sets, at=AT)


def asked(preset: Preset) -> tuple[str, ...]:
    """What the requester is to do: sessions, where the device of the preset opens them."""
    if preset.profile != SECURE:
        return "--exe_conn", "DIGEST,CERT,CHAL,MEAS", "--exe_session", "NO_END"
    clear = ",HANDSHAKE_IN_CLEAR" if preset.name in IN_THE_CLEAR else ""
    return (
        "--exe_conn", "DIGEST,CERT", "--exe_session", "KEY_EX,PSK,HEARTBEAT,KEY_UPDATE,MEAS",
        "--cap", f"CERT,CHAL,ENCRYPT,MAC,KEY_EX,PSK,HBEAT,KEY_UPD{clear}",
    )  # fmt: skip


def words(preset: Preset) -> tuple[str, ...]:
    """The requester's command; twice where another connection's reply is replayed."""
    version = () if preset.name.startswith("version-") else ("--ver", "1.3")
    once = (
        REQUESTER, "--trans", "PCI_DOE", "--port", "{port}", *version, "--pqc_asym", "NONE",
        *asked(preset), "--meas_op", "ONE_BY_ONE" if preset.name in ONE_BY_ONE else "ALL",
    )  # fmt: skip
    if not preset.name.endswith("-replayed"):
        return once
    line = " ".join(once)
    return ("sh", "-c", f"{line} >/dev/null 2>&1; exec {line}")


def met(preset: Preset) -> Run:
    """What the requester made of it."""
    sets = ("sizes.transmit=2048",) if preset.name.startswith("chunk-") else ()
    profile = loaded(preset.profile or "nvme-ssd", *sets)

    def device(seed: str) -> Device:
        return build(profile, entropy=Seeded(seed), at=AT, rules=preset.rules)

    async def once() -> Run:
        timeout = LONG if preset.name == "reply-lost" else PATIENCE
        command = Command(words(preset), timeout, max_requests=400, patterns=TERMS.patterns)
        [only] = [one async for one in run(command, TERMS, device, seed="7")]
        return only

    return asyncio.run(once())


@pytest.mark.parametrize("preset", CATALOGUE.values(), ids=CATALOGUE)
def test_it_does_what_is_told(preset: Preset, roots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(roots)
    one = met(preset)
    assert sum(one.fired.values()), "it never reached in"
    assert one.judgement.kind.value == TOLD[preset.name], one.output
