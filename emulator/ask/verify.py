"""Verifying what a peer signed, or proved by its finished key."""

from dataclasses import dataclass

from emulator.ask.chain import Signer
from emulator.errors import BrokenReply
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import Direction
from emulator.spdm.session import Session
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import View


@dataclass(frozen=True)
class Verified:
    """The outcome: the hash of the transcript (M1/M2's or L1/L2's), and what is wrong or ''."""

    transcript_hash: bytes
    problem: str


def verify(
    connection: Connection, signer: Signer, context: str, view: View, signature: bytes
) -> Verified:
    """Verify a signature over `view`, made in the signing context `context`.

    Args:
        connection: where version and signature algorithm were negotiated.
        signer: its key made the signature, if it is good.
        context: the signing context string.
        view: the messages covered.
        signature: as on the wire.
    """
    signed = ToSign(connection.version, context, signer.hash_name, view)
    transcript_hash = signed.transcript_hash()
    asym = connection.algorithms.asym
    key = signer.key(asym.name) if asym else None
    if key is None:
        wanted = asym.name if asym else "(none)"
        problem = f"{signer.name} has no {wanted} key, which was negotiated"
    elif key.verify(signature, signed):
        problem = ""
    else:
        problem = f"it is not the one of {signer.name} over this conversation"
    return Verified(transcript_hash, problem)


def check_verify_data(session: Session, message: str, digest: bytes, verify_data: bytes) -> None:
    """Raise BrokenReply unless `message` proves the peer's finished key over this transcript."""
    if not session.secrets.verifies(Direction.RESPONSE, digest, verify_data):
        raise BrokenReply(
            message,
            "verify_data",
            found=verify_data.hex(),
            expected="the HMAC of this handshake under the responder's finished key",
        )
