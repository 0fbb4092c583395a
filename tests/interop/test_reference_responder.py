"""Our requester against DMTF's spdm_responder_emu.

The environment variable SPDM_RESPONDER_EMU names the program; nothing of it is in this repository.
Its sample keys lie beside it, so its own folder is its working directory. It serves one connection
and ends, and its certificates carry no PCIe CMA name.
"""

import itertools
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from emulator.client import Client, SocketChannel
from emulator.entropy import Seeded
from emulator.errors import PeerErrorReply
from emulator.pki.authority import sample_roots
from emulator.pki.files import read_certificates
from emulator.pki.schemes import scheme
from emulator.requester import Direction, Offer, Requester, Verdict
from emulator.requester.reading import MeasurementMode
from emulator.spdm.algorithms import SIGNATURES, by_name
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.reference

RESPONDER = os.environ.get("SPDM_RESPONDER_EMU", "")
HINT = "set SPDM_RESPONDER_EMU to DMTF's spdm_responder_emu, its sample keys beside it"

FOLDERS = {row.name: scheme(row.name).spdm_emu for row in SIGNATURES if row.offered}
TRANSPORTS = {"doe": "PCI_DOE", "mctp": "MCTP", "tcp": "TCP", "none": "NONE"}
MATRIX = [
    (version, asym, hash_name)
    for version, asym, hash_name in itertools.product(BY_TEXT, FOLDERS, ("SHA_256", "SHA_384"))
    if by_name(SIGNATURES, asym).since <= BY_TEXT[version]
]


@pytest.fixture(scope="module", autouse=True)
def _responder() -> None:
    if not RESPONDER:
        pytest.skip(HINT)


def roots(asym: str) -> tuple[bytes, ...]:
    """The reference's own root for this signature algorithm."""
    return read_certificates(Path(RESPONDER).parent / FOLDERS[asym] / "ca.cert.der")


def start(output: IO[str], *options: str) -> tuple[subprocess.Popen[str], int]:
    """A fresh responder, and the port it will listen on.

    It writes to a file: a debug build says more than a pipe holds that nobody reads.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [
            RESPONDER, "--ip", "127.0.0.1", "--port", str(port), "--trans", "PCI_DOE",
            "--pqc_asym", "NONE", "--basic_mut_auth", "NO", *options,
        ],
        cwd=Path(RESPONDER).parent, stdout=output, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return process, port


@asynccontextmanager
async def responder(
    *options: str, offer: Offer | None = None, transport: str = "doe"
) -> AsyncIterator[Client]:
    """A client of a fresh responder, which must end well once the client has left."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        # The last of an option that is given twice counts.
        process, port = start(output, "--trans", TRANSPORTS[transport], *options)
        async with _client_of(process, port, offer, transport) as client:
            yield client
        output.seek(0)
        assert process.returncode == 0, output.read()


@asynccontextmanager
async def _client_of(
    process: subprocess.Popen[str], port: int, offer: Offer | None, transport: str
) -> AsyncIterator[Client]:
    """A client; its leaving ends the process."""
    try:
        # Looking whether it listens would be the one connection it serves.
        channel = await SocketChannel.open("127.0.0.1", port, wait=20, transport=transport)
        try:
            yield Client(Requester(Seeded("reference"), offer or Offer()), channel)
        finally:
            await channel.close()
        process.wait(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def failed(verdict: Verdict) -> list[tuple[str, str]]:
    return [(step.name, step.detail) for step in verdict.steps if step.ok is False]


async def judge(
    client: Client, asym: str, *, measurements: MeasurementMode = "all", raw: bool = False
) -> Verdict:
    return await client.attest(
        trust=roots(asym), at=datetime.now(UTC), measurements=measurements, raw=raw
    )


@pytest.mark.parametrize(("version", "asym", "base_hash"), MATRIX)
async def test_chain_challenge_and_measurements_verify(
    version: str, asym: str, base_hash: str
) -> None:
    options = ("--ver", version, "--asym", asym, "--hash", base_hash)
    async with responder(*options) as client:
        verdict = await judge(client, asym)
    assert failed(verdict) == []
    found = {step.name: step for step in verdict.steps}
    assert found["version"].evidence["selected"] == version
    assert found["algorithms"].evidence["asym"] == asym
    assert found["algorithms"].evidence["hash"] == base_hash
    skipped = [step.name for step in verdict.steps if step.ok is None]
    assert skipped == ["chain: leaf name"]
    assert len(found["measurements"].evidence["measurements"]) == 8


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_our_offer_decides_among_all_it_has(version: str) -> None:
    # The responder prefers P-384 and SHA-384, and is started without restriction.
    offer = Offer(versions=(BY_TEXT[version],), asym=("ECDSA_P256",), hashes=("SHA_256",))
    async with responder(offer=offer) as client:
        verdict = await judge(client, "ECDSA_P256")
    assert failed(verdict) == []


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_one_by_one_under_one_signature(version: str) -> None:
    # Indices up to 0xFE with gaps: found in a first round, signed in a second.
    async with responder("--ver", version) as client:
        verdict = await judge(client, "ECDSA_P384", measurements="one-by-one")
    assert failed(verdict) == []
    indices = [one["index"] for one in verdict.step("measurements").evidence["measurements"]]
    assert indices == [1, 2, 3, 4, 0x10, 0x11, 0xFD, 0xFE]


async def test_raw_measurements() -> None:
    async with responder("--ver", "1.3") as client:
        verdict = await judge(client, "ECDSA_P384", raw=True)
    assert failed(verdict) == []
    measured = verdict.step("measurements").evidence["measurements"]
    # Its hash-extended measurement (index 0x11) has no raw form.
    assert [one["index"] for one in measured if not one["raw"]] == [0x11]


@pytest.mark.parametrize("measurement_hash", ["SHA_256", "SHA_384", "SHA_512"])
async def test_its_measurement_hashes(measurement_hash: str) -> None:
    async with responder("--ver", "1.2", "--meas_hash", measurement_hash) as client:
        verdict = await judge(client, "ECDSA_P384")
    assert failed(verdict) == []
    assert verdict.step("algorithms").evidence["measurement_hash"] == measurement_hash


@pytest.mark.parametrize("slot", [0, 1])
async def test_its_slots(slot: int) -> None:
    async with responder("--ver", "1.2") as client:
        await client.connect()
        await client.digests()
        chain = await client.certificate(slot)
        for summary in SummaryType:
            assert (await client.challenge(slot, summary=summary)).transcript_hash
        measured = await client.measure_all(signed_by=slot)
        assert measured.readings[-1].covered == 2
        assert chain.digest == (await client.digests()).digests[slot]


async def test_a_chain_in_small_portions() -> None:
    portions = 0

    def observer(direction: Direction, raw: bytes) -> None:
        nonlocal portions
        portions += direction is Direction.REQUEST and raw[1] == 0x82

    offer = Offer(certificate_portion=64)
    async with responder("--ver", "1.3", offer=offer) as client:
        told = Client(client.requester, client.channel, observer=observer)
        verdict = await judge(told, "ECDSA_P384")
    assert failed(verdict) == []
    assert portions == -(-verdict.step("certificate chain").evidence["size"] // 64)


async def test_it_is_not_trusted_by_default() -> None:
    async with responder("--ver", "1.3") as client:
        verdict = await client.attest(trust=sample_roots(), at=datetime.now(UTC))
    assert [name for name, _ in failed(verdict)] == ["chain: anchor"]


async def test_what_it_refuses_is_an_error_with_its_code() -> None:
    async with responder("--ver", "1.2") as client:
        await client.connect()
        with pytest.raises(PeerErrorReply) as caught:
            await client.certificate(5)
        assert caught.value.code == 0x01
        await client.certificate(0)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_verifies_over_each_transport(transport: str, version: str) -> None:
    async with responder("--ver", version, transport=transport) as client:
        verdict = await judge(client, "ECDSA_P384")
    assert failed(verdict) == []
