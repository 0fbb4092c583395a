"""What opening a session costs the device, beside the raw cost of its cryptography; and records.

    python tests/bench/sessions.py

A row for each signature algorithm, in P-256 or P-384 groups. The device's time is what it takes to
answer KEY_EXCHANGE and FINISH; the requester's own cryptography between the two is left out. Beside
it, in the same run and by turns: an echo of two frames of those sizes, and the cryptography that
nothing can do without: an ephemeral key pair, the agreement, the signature, the hashes of the
transcripts, the key schedule's HMACs, and the AEAD of FINISH and its reply (the handshake is
encrypted). With SPDM_RESPONDER_EMU, DMTF's responder in the same way.

While the requester computes, a device waits, and its processor is idle: it wakes up late and cold.
So the echo is asked after as much computing, and the bare cryptography begins after a pause.

`record` is a HEARTBEAT in a session: its bound is an echo and two AEAD operations. `sealed` and
`opened` are records of 1 KiB a second, in the process.
"""

import argparse
import hmac
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.client import Client
from bench.client import frame as framed
from bench.servers import echo, reference, servers_beside
from bench.turns import Subject, blocks, timed
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from interop.serving import serving
from rich.console import Console
from rich.table import Column, Table

from emulator.client.drive import unwrap, wrap
from emulator.crypto import hashes
from emulator.crypto.aead import Aead
from emulator.crypto.keys import SigningKey
from emulator.entropy import Seeded
from emulator.pki.authority import sample_authority
from emulator.requester import Requester, SecureSession
from emulator.requester.flow import Flow
from emulator.requester.offer import Offer, for_sessions
from emulator.spdm import signing
from emulator.spdm.codes import Code
from emulator.spdm.secured import DOE as RECORDS
from emulator.spdm.secured import Sealer, Traffic
from emulator.spdm.versions import Version
from emulator.transport.doe import DOE
from emulator.transport.spdm_socket import Command, Frame, TransportType

TARGET = 1.3
KEY_SIZE = 32
TRANSCRIPT = bytes(900)
"""About what stands before the exchange, and the exchange."""

TRANSCRIPTS = 4
"""Hashes of it: what is signed, TH1, what FINISH proves, TH2."""

HMACS = 21
"""Extractions (2), secrets of each direction (4), finished keys (2), keys and IVs (8), the salt of
the master secret, the export secret, and three verify data."""

PAUSE = 0.002
"""Seconds: about what the requester's own cryptography takes."""

RECORD = bytes(1024)
CURVES = {"SECP_256_R1": ec.SECP256R1(), "SECP_384_R1": ec.SECP384R1()}
ROWS = (
    ("ECDSA_P256", "SHA_256", "SECP_256_R1"),
    ("ECDSA_P384", "SHA_384", "SECP_384_R1"),
    ("RSAPSS_3072", "SHA_384", "SECP_384_R1"),
)
OPTIONS = (
    *("--set", f"algorithms.asym={json.dumps([asym for asym, _, _ in ROWS])}"),
    *(
        "--set",
        "capabilities=[CERT,CHAL,MEAS_SIG,MEAS_FRESH,CHUNK,ENCRYPT,MAC,KEY_EX,PSK_WITH_CONTEXT,HBEAT,KEY_UPD]",
    ),
    *("--set", "sessions.heartbeat=250"),
    *("--set", "sessions.doctor=false"),
)

_T = TypeVar("_T")


class Host:
    """A requester that knows how long the device took to answer."""

    def __init__(self, port: int, row: tuple[str, str, str]) -> None:
        asym, hash_name, group = row
        offer = Offer(
            versions=(Version.V1_2,),
            asym=(asym,),
            hashes=(hash_name,),
            dhe=(group,),
            aead=("AES_256_GCM",),
        )
        self.client = Client("127.0.0.1", port)
        self.requester = Requester(Seeded("bench"), for_sessions(offer))
        self.took: dict[int, float] = {}
        self.run(self.requester.connect())
        self.run(self.requester.digests())
        self.run(self.requester.certificate())

    def run(self, flow: Flow[_T]) -> _T:
        """Drive a flow, and keep the seconds each request was answered in, by its code."""
        try:
            request = next(flow)
            while True:
                data = Frame(Command.NORMAL, TransportType.PCI_DOE, wrap(request, DOE)).to_bytes()
                began = time.perf_counter()
                payload = self.client.raw(data)
                self.took[request[1]] = time.perf_counter() - began
                request = flow.send(unwrap(payload, DOE, request))
        except StopIteration as stop:
            result: _T = stop.value
            return result

    def session(self) -> float:
        """A session, opened and ended: the seconds of KEY_EXCHANGE and FINISH."""
        opened = self.run(self.requester.session())
        self.run(opened.end_session())
        return self.took[Code.KEY_EXCHANGE] + self.took[Code.FINISH]

    def heartbeat(self, session: SecureSession) -> Subject:
        """A record and its answer."""

        def subject() -> float:
            self.run(session.heartbeat())
            return self.took[Code.HEARTBEAT]

        return subject


def cryptography(key: SigningKey, row: tuple[str, str, str]) -> Callable[[], object]:
    """What no device can do without; see above."""
    _, hash_name, group = row
    curve = CURVES[group]
    theirs = ec.generate_private_key(curve).public_key()
    std = hash_name.replace("_", "").lower()
    info = bytes(hashes.size(hash_name) + 20)
    record = AESGCM(bytes(KEY_SIZE)).encrypt(bytes(12), TRANSCRIPT[:50], b"")
    to_sign = signing.ToSign(Version.V1_2, signing.KEY_EXCHANGE_RSP, hash_name, ())

    def done() -> None:
        private = ec.generate_private_key(curve)
        private.public_key().public_numbers()
        secret = private.exchange(ec.ECDH(), theirs)
        for _ in range(TRANSCRIPTS):
            hashes.digest(hash_name, TRANSCRIPT)
        key.sign(to_sign)
        for _ in range(HMACS):
            hmac.digest(secret, info, std)
        AESGCM(bytes(KEY_SIZE)).decrypt(bytes(12), record, b"")
        AESGCM(bytes(KEY_SIZE)).encrypt(bytes(12), TRANSCRIPT[:50], b"")
        for _ in range(2):
            AESGCM(bytes(KEY_SIZE))

    return done


def after(first: Callable[[], object], done: Callable[[], object]) -> Subject:
    """What `done` takes, once `first` was done, which does not count."""
    count = timed(done)

    def subject() -> float:
        first()
        return count()

    return subject


def sealing() -> dict[str, float]:
    """Records a second, sealed and opened, and the AEAD alone."""
    entropy = Seeded("bench")
    sealer = Sealer(1, RECORDS, encrypted=True)

    def traffic() -> Traffic:
        return Traffic(Aead("AES_256_GCM", bytes(KEY_SIZE)), bytearray(12))

    ours, theirs = traffic(), traffic()
    record = sealer.seal(traffic(), RECORD, entropy)
    cipher = AESGCM(bytes(KEY_SIZE))

    def opened() -> None:
        theirs.sequence = 0
        sealer.open(theirs, record)

    figures = blocks(
        {
            "sealed": timed(lambda: sealer.seal(ours, RECORD, entropy)),
            "opened": timed(opened),
            "AEAD": timed(lambda: cipher.encrypt(bytes(12), RECORD, b"")),
        }
    )
    return {f"{name}/s": 1e6 / taken for name, taken in figures.items()}


def measure(row: tuple[str, str, str]) -> dict[str, float]:
    """All figures of one row of algorithms."""
    asym, hash_name, group = row
    key = sample_authority(asym).intermediate.key.under(asym)
    with ExitStack() as stack:
        with servers_beside():
            (port,) = stack.enter_context(serving("secure-session", options=OPTIONS))
            mirror_port = stack.enter_context(echo())
            other = stack.enter_context(reference(asym, hash_name, "--dhe", group))
        mirror = stack.enter_context(Client("127.0.0.1", mirror_port))
        ours = Host(port, row)
        stack.enter_context(ours.client)
        held = ours.run(ours.requester.session())
        half = framed(TRANSCRIPT[:150])
        cipher = AESGCM(bytes(KEY_SIZE))
        subjects: dict[str, Subject] = {
            "cryptography": after(lambda: time.sleep(PAUSE), cryptography(key, row)),
            "loopback": timed(lambda: mirror.raw(half)),
            "loopback after a pause": after(cryptography(key, row), lambda: mirror.raw(half)),
            "AEAD": timed(lambda: cipher.encrypt(bytes(12), RECORD[:4], b"")),
            "KEY_EXCHANGE + FINISH": ours.session,
            "record": ours.heartbeat(held),
        }
        peer = None
        if other is not None:
            peer = Host(other, row)
            stack.enter_context(peer.client)
            subjects["reference KEY_EXCHANGE + FINISH"] = peer.session
        figures = blocks(subjects)
        if peer is not None:  # not before: what is left of its room for sessions is one
            session = peer.run(peer.requester.session())
            figures |= blocks({"reference record": peer.heartbeat(session)})
    bound = figures["cryptography"] + 2 * figures["loopback after a pause"]
    figures["session ratio"] = figures["KEY_EXCHANGE + FINISH"] / bound
    figures["record ratio"] = figures["record"] / (figures["loopback"] + 2 * figures["AEAD"])
    figures["sessions/s"] = 1e6 / figures["KEY_EXCHANGE + FINISH"]
    figures["records/s"] = 1e6 / figures["record"]
    return figures


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args().json
    console = Console(stderr=True)
    results = {}
    for row in ROWS:
        console.print(f"measuring sessions of {' '.join(row)} ...")
        results[" ".join(row)] = measure(row)
    rates = sealing()
    if as_json:
        print(json.dumps({**results, "records of 1 KiB": rates}, indent=2))  # noqa: T201 - a script's result
        return
    title = "session ratio = device / (cryptography + two round trips after a pause)"
    table = Table(Column("median µs", no_wrap=True), *results, title=title)
    for name in next(iter(results.values())):
        digits = 2 if name.endswith("ratio") else 0
        cells = (f"{figures[name]:.{digits}f}" for figures in results.values())
        table.add_row(name, *cells)
    Console().print(table)
    told = ", ".join(f"{rate:,.0f} {name}" for name, rate in rates.items())
    Console().print(f"records of 1 KiB: {told}")
    Console().print(f"target: a session ratio of at most {TARGET}; less than the reference")


if __name__ == "__main__":
    main()
