"""DMTF's spdm_requester_emu and our device: large messages in chunks, both ways."""

from pathlib import Path

import pytest
from interop.serving import serving
from interop.test_reference_requester import HINT, REQUESTER, export, run

from emulator.spdm.versions import BY_TEXT, Version

pytestmark = pytest.mark.reference

CHUNKED = [text for text, version in BY_TEXT.items() if version >= Version.V1_2]


@pytest.mark.skipif(not REQUESTER, reason=HINT)
@pytest.mark.parametrize("version", CHUNKED)
@pytest.mark.parametrize("reading", ["ALL", "ONE_BY_ONE"])
@pytest.mark.parametrize(
    ("takes", "sends"), [(42, 4600), (4600, 42), (200, 200)], ids=["requests", "replies", "both"]
)
def test_large_messages(tmp_path: Path, version: str, reading: str, takes: int, sends: int) -> None:
    options = (
        *("--set", 'versions=["1.2", "1.3", "1.4"]'),
        *("--set", "capabilities=[CERT, CHAL, MEAS_SIG, CHUNK]"),
        *("--set", f"sizes={{data_transfer: {takes}, max_message: 65536, transmit: {sends}}}"),
    )
    with serving("nvme-ssd", options=options) as (port,):
        run(port, export(tmp_path), version, "ECDSA_P384", "SHA_384", reading)
