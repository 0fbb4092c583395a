"""What a signature is made over.

From 1.2 on: prefix ‖ H(transcript), where the 100-byte prefix is four times `dmtf-spdm-v1.x.*`,
zeros, and the context string at its end (libspdm
`library/spdm_crypt_lib/libspdm_crypt_crypt.c`, `libspdm_create_signing_context`). Up to 1.1 the
hash of the transcript is signed as it is.
"""

from dataclasses import dataclass
from functools import lru_cache

from emulator.crypto import hashes
from emulator.spdm.transcript import View
from emulator.spdm.versions import Version, rules

CHALLENGE_AUTH = "responder-challenge_auth signing"
REQUESTER_CHALLENGE_AUTH = "requester-challenge_auth signing"
MEASUREMENTS = "responder-measurements signing"
KEY_EXCHANGE_RSP = "responder-key_exchange_rsp signing"
ENDPOINT_INFO = "responder-endpoint_info signing"
REQUESTER_ENDPOINT_INFO = "requester-endpoint_info signing"
FINISH = "requester-finish signing"


def challenge_auth(*, turned: bool) -> str:
    """The context of CHALLENGE_AUTH, by a responder or (`turned`) by a requester."""
    return REQUESTER_CHALLENGE_AUTH if turned else CHALLENGE_AUTH


def endpoint_info(*, turned: bool) -> str:
    """The context of ENDPOINT_INFO, by a responder or (`turned`) by a requester."""
    return REQUESTER_ENDPOINT_INFO if turned else ENDPOINT_INFO


PREFIX_SIZE = 100
_REPEATS = 4


@lru_cache(maxsize=64)
def combined_prefix(version: int, context: str) -> bytes:
    """The 100 bytes before the transcript's hash: `combined_spdm_prefix` in Linux's words."""
    head = f"dmtf-spdm-v{Version(version).text}.*".encode() * _REPEATS
    tail = context.encode()
    return head + bytes(PREFIX_SIZE - len(head) - len(tail)) + tail


@dataclass(slots=True)
class ToSign:
    """Everything a signature depends on beside the key; the sign stage may exchange any of it.

    Attributes:
        version: the negotiated version.
        context: the signing context string.
        hash: the name of the base hash.
        view: the messages covered.
    """

    version: int
    context: str
    hash: str
    view: View

    def transcript_hash(self) -> bytes:
        """H(transcript): M1/M2's or L1/L2's hash."""
        return hashes.digest(self.hash, *[entry.raw for entry in self.view])

    def message(self) -> bytes:
        """What a scheme that hashes for itself signs: the prefix and the transcript's hash."""
        if not rules(self.version).signing_prefix:
            return b"".join(entry.raw for entry in self.view)
        return combined_prefix(self.version, self.context) + self.transcript_hash()

    def digest(self) -> bytes:
        """The hash of `message`, which every other scheme signs."""
        transcript = self.transcript_hash()
        if not rules(self.version).signing_prefix:
            return transcript
        return hashes.digest(self.hash, combined_prefix(self.version, self.context), transcript)
