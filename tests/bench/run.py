"""What the device costs beside the raw cost of its cryptography, measured in the same run.

    make bench                     a table
    python tests/bench/run.py --json

Everything is measured in blocks by turns, so that a busy machine slows all of it alike: the raw
cryptography (two hashes and the signature), an asyncio server that echoes a frame of the same
size, and the device's CHALLENGE and signed GET_MEASUREMENTS over a real socket. With
SPDM_RESPONDER_EMU set to DMTF's responder, its figures stand beside ours.

`with faults` is a second device, with fifty fault rules none of which reaches in: some for each
message, with conditions that do not hold; the two are asked by turns.

A negotiation is GET_VERSION to CHALLENGE, digests and the whole chain included. DMTF's responder
serves one connection and ends, so negotiations are made one after the other on one connection, to
both alike; `connections/s` is ours with a new connection for each.

`at once` compares four connections that all ask CHALLENGE with one alone, all processors for the
device and the clients together: slow signatures are computed beside the event loop, on as many
processors as there are.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import client
from bench.client import Client
from bench.servers import PROCESSORS, echo, reference, servers_beside
from bench.turns import Subject, alternating, blocks, timed
from interop.serving import serving
from rich.console import Console
from rich.table import Column, Table

from emulator.crypto import hashes
from emulator.crypto.keys import SigningKey
from emulator.pki.authority import sample_authority
from emulator.spdm import signing

PREFIX = signing.combined_prefix(0x12, signing.CHALLENGE_AUTH)
TARGET = 1.5
TOGETHER = 4
TOGETHER_SECONDS = 1.0
FAULTS_TARGET = 1.05
PAIRS = (
    ("ECDSA_P256", "SHA_256"),
    ("ECDSA_P384", "SHA_384"),
    ("RSASSA_3072", "SHA_384"),
    ("RSAPSS_3072", "SHA_384"),
)
OPTIONS = (
    *("--set", f"algorithms.asym={json.dumps([asym for asym, _ in PAIRS])}"),
    *("--set", "sessions.doctor=false"),
)
PER_SECOND = {
    "negotiation": "negotiations/s",
    "reference negotiation": "reference negotiations/s",
    "connection": "connections/s",
}
"""What is told as so many a second, and as what."""

FAULTS = 50
FAULTY = (
    "GET_VERSION",
    "GET_CAPABILITIES",
    "NEGOTIATE_ALGORITHMS",
    "GET_DIGESTS",
    "GET_CERTIFICATE",
    "CHALLENGE",
    "GET_MEASUREMENTS",
    "VENDOR_DEFINED_REQUEST",
)
CONDITIONS = ("version: '1.1'", "slot: 7", "transport: mctp", "connection: 4000000", "after: 600")
TRANSCRIPT = bytes(700)
"""About what CHALLENGE's and MEASUREMENTS' signatures cover here."""


@contextmanager
def fault_rules() -> Iterator[Path]:
    """A file of rules that never reach in."""
    rules = [
        f"  - {{name: never {number}, on: {{message: {FAULTY[number % len(FAULTY)]}, "
        f"{CONDITIONS[number % len(CONDITIONS)]}}}, do: [busy]}}"
        for number in range(FAULTS)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text("\n".join(["faults: 1", "rules:", *rules]) + "\n")
        yield path


class Raw:
    """What is signed, with no more than the hashes it takes."""

    context = ""

    def __init__(self, hash_name: str) -> None:
        self.hash = hash_name

    def message(self) -> bytes:
        """The prefix and the transcript's hash."""
        return PREFIX + hashes.digest(self.hash, TRANSCRIPT)

    def digest(self) -> bytes:
        """The hash of the message."""
        return hashes.digest(self.hash, self.message())


def cryptography(key: SigningKey, hash_name: str) -> bytes:
    """What no device can do without: the transcript's hash, the prefix's, and the signature."""
    return key.sign(Raw(hash_name))


def per_second(port: int, asym: str, hash_name: str, count: int) -> float:
    """How many CHALLENGEs a second so many connections get answered that ask all at once."""
    asked = [0] * count

    def ask(number: int, begin: threading.Barrier) -> None:
        with Client("127.0.0.1", port) as one:
            one.attest(asym, hash_name)
            begin.wait()
            until = time.perf_counter() + TOGETHER_SECONDS
            while time.perf_counter() < until:
                one.ask(client.CHALLENGE)
                asked[number] += 1

    begin = threading.Barrier(count)
    threads = [threading.Thread(target=ask, args=(number, begin)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(asked) / TOGETHER_SECONDS


def at_once(asym: str, hash_name: str) -> dict[str, float]:
    """What several connections at once get done, and one alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, PROCESSORS)
    try:
        with serving("nvme-ssd", options=OPTIONS) as (port,):
            alone, together = (
                statistics.median(per_second(port, asym, hash_name, count) for _ in range(3))
                for count in (1, TOGETHER)
            )
    finally:
        os.sched_setaffinity(0, before)
    return {
        "CHALLENGEs/s, one connection": alone,
        f"CHALLENGEs/s, {TOGETHER} at once": together,
        "at once ratio": together / alone,
    }


def connection(port: int, asym: str, hash_name: str) -> None:
    """A connection and a negotiation on it."""
    with Client("127.0.0.1", port) as one:
        one.attest(asym, hash_name)


def measure(asym: str, hash_name: str) -> dict[str, float]:
    """All figures of one pair of algorithms."""
    key = sample_authority(asym).intermediate.key.under(asym)
    with ExitStack() as stack:
        with servers_beside():
            (port,) = stack.enter_context(serving("nvme-ssd", options=OPTIONS))
            rules = ("--faults", str(stack.enter_context(fault_rules())))
            (faulty_port,) = stack.enter_context(serving("nvme-ssd", options=(*OPTIONS, *rules)))
            mirror_port = stack.enter_context(echo())
            other = stack.enter_context(reference(asym, hash_name))
        device = stack.enter_context(Client("127.0.0.1", port))
        device.attest(asym, hash_name)
        faulty = stack.enter_context(Client("127.0.0.1", faulty_port))
        faulty.attest(asym, hash_name)
        mirror = stack.enter_context(Client("127.0.0.1", mirror_port))
        subjects: dict[str, Subject] = {
            "cryptography": timed(lambda: cryptography(key, hash_name)),
            "loopback": timed(lambda: mirror.raw(client.CHALLENGE)),
            "CHALLENGE": timed(lambda: device.ask(client.CHALLENGE)),
            "MEASUREMENTS": timed(lambda: device.ask(client.GET_ALL_SIGNED)),
            "negotiation": timed(lambda: device.attest(asym, hash_name)),
            "connection": timed(lambda: connection(port, asym, hash_name)),
        }
        if other is not None:
            theirs = stack.enter_context(Client("127.0.0.1", other))
            theirs.attest(asym, hash_name)
            subjects["reference CHALLENGE"] = timed(lambda: theirs.ask(client.CHALLENGE))
            subjects["reference MEASUREMENTS"] = timed(lambda: theirs.ask(client.GET_ALL_SIGNED))
            subjects["reference negotiation"] = timed(lambda: theirs.attest(asym, hash_name))
        figures = blocks(subjects)
        for name, asked in (
            ("CHALLENGE", client.CHALLENGE),
            ("MEASUREMENTS", client.GET_ALL_SIGNED),
        ):
            figures[f"{name} with faults ratio"] = alternating(
                timed(partial(device.ask, asked)), timed(partial(faulty.ask, asked))
            )
    bound = figures["cryptography"] + figures["loopback"]
    figures["CHALLENGE ratio"] = figures["CHALLENGE"] / bound
    figures["MEASUREMENTS ratio"] = figures["MEASUREMENTS"] / bound
    for name, told in PER_SECOND.items():
        if name in figures:
            figures[told] = 1e6 / figures[name]
    return figures | at_once(asym, hash_name)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args().json
    console = Console(stderr=True)
    results = {}
    for asym, hash_name in PAIRS:
        console.print(f"measuring {asym} with {hash_name} ...")
        results[f"{asym} {hash_name}"] = measure(asym, hash_name)
    if as_json:
        print(json.dumps(results, indent=2))  # noqa: T201 - a script's result
        return
    title = "CHALLENGE and MEASUREMENTS ratio = device / (cryptography + loopback)"
    table = Table(Column("median µs", no_wrap=True), *results, title=title)
    for name in next(iter(results.values())):
        digits = 2 if name.endswith("ratio") else 0
        cells = (f"{figures[name]:.{digits}f}" for figures in results.values())
        table.add_row(name, *cells)
    Console().print(table)
    Console().print(
        f"target: ratios at most {TARGET}, with faults at most {FAULTS_TARGET}; more a second than"
        " the reference"
    )


if __name__ == "__main__":
    main()
