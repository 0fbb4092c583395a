"""Verifying what a peer signed."""

from dataclasses import dataclass

from emulator.ask.chain import PeerChain
from emulator.spdm.connection import Connection
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import View


@dataclass(frozen=True)
class Verified:
    """The outcome: the hash of the transcript (M1/M2's or L1/L2's), and what is wrong or ''."""

    transcript_hash: bytes
    problem: str


def verify(
    connection: Connection, chain: PeerChain, context: str, view: View, signature: bytes
) -> Verified:
    """Verify a signature over `view`, made in the signing context `context`.

    Args:
        connection: where version and signature algorithm were negotiated.
        chain: its leaf's key made the signature, if it is good.
        context: the signing context string.
        view: the messages covered.
        signature: as on the wire.
    """
    signed = ToSign(connection.version, context, chain.hash_name, view)
    transcript_hash = signed.transcript_hash()
    asym = connection.algorithms.asym
    key = chain.key(asym.name) if asym else None
    if key is None:
        wanted = asym.name if asym else "(none)"
        problem = f"the leaf of slot {chain.slot} has no {wanted} key, which was negotiated"
    elif key.verify(signature, signed):
        problem = ""
    else:
        problem = f"it is not the one of slot {chain.slot}'s leaf over this conversation"
    return Verified(transcript_hash, problem)
