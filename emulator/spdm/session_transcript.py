"""The transcripts of a session's handshake: TH1, TH2 and what is signed on the way.

    TH for KEY_EXCHANGE = A ‖ D ‖ H(Ct) ‖ K
    TH for FINISH       = A ‖ D ‖ H(Ct) ‖ K ‖ encapsulated D ‖ H(Cm) ‖ F

A is the negotiation. D is DIGESTS, and stands there only where several keys may be used on the
connection; H(Ct) the hash of the responder's chain or public key; both stand there for a key
exchange only, not for a pre-shared key. K is the exchange's request and reply, F the finish's. With
mutual authentication H(Cm) is the hash of the requester's chain, preceded by its DIGESTS where it
has several keys. Each message's signature and verify data are appended when they are there, so that
a view taken before ends where they cover:

    KEY_EXCHANGE ‖ KEY_EXCHANGE_RSP unsigned   → its signature
    … ‖ signature                              → TH1, and the verify data of KEY_EXCHANGE_RSP
    … ‖ verify data ‖ FINISH's header          → its signature
    … ‖ signature                              → the verify data of FINISH
    … ‖ verify data ‖ FINISH_RSP's header      → its verify data (handshake in the clear)
    … ‖ verify data                            → TH2

PSK_EXCHANGE and PSK_FINISH are the same without signatures; without a context there is no
PSK_FINISH, and TH2 ends with the verify data of PSK_EXCHANGE_RSP. Source: libspdm
`library/spdm_common_lib/libspdm_com_crypto_service_session.c`.
"""

from collections.abc import Iterable

from emulator.crypto import hashes
from emulator.spdm.transcript import Entry, View

SIGNATURE = "signature"
VERIFY_DATA = "verify data"
CHAIN = "hash of the responder's chain"
REQUESTER_CHAIN = "hash of the requester's chain"


class SessionTranscript:
    """The messages of one session's handshake, as they came and went."""

    __slots__ = ("_before", "_exchange", "_finish", "_mutual")

    def __init__(
        self, negotiation: View, *, digests: View = (), chain_hash: bytes | None = None
    ) -> None:
        """What stands before the exchange; `chain_hash` is None for a pre-shared key."""
        chain = () if chain_hash is None else (Entry(chain_hash, CHAIN),)
        self._before: View = (*negotiation, *digests, *chain)
        self._exchange: list[Entry] = []
        self._mutual: View = ()
        self._finish: list[Entry] = []

    def copy(self) -> "SessionTranscript":
        """The same up to now, to go on with while it is not sure that it stands."""
        other = SessionTranscript(self._before)
        other._exchange = list(self._exchange)
        other._mutual = self._mutual
        other._finish = list(self._finish)
        return other

    def exchange(self, *parts: bytes) -> None:
        """Append messages, or the beginnings of some, to K."""
        self._exchange.extend(map(Entry, parts))

    def sign_exchange(self, signature: bytes) -> None:
        """Append the signature of KEY_EXCHANGE_RSP to K."""
        self._exchange.append(Entry(signature, SIGNATURE))

    def verify_exchange(self, verify_data: bytes) -> None:
        """Append the verify data of the exchange's reply to K."""
        self._exchange.append(Entry(verify_data, VERIFY_DATA))

    def authenticate(self, chain_hash: bytes, *, digests: View = ()) -> None:
        """Put the requester's chain, and where it has several keys its DIGESTS, before F."""
        self._mutual = (*digests, Entry(chain_hash, REQUESTER_CHAIN))

    def finish(self, *parts: bytes) -> None:
        """Append messages, or the beginnings of some, to F."""
        self._finish.extend(map(Entry, parts))

    def sign_finish(self, signature: bytes) -> None:
        """Append the signature of FINISH to F."""
        self._finish.append(Entry(signature, SIGNATURE))

    def verify_finish(self, verify_data: bytes) -> None:
        """Append verify data of FINISH, PSK_FINISH or FINISH_RSP to F."""
        self._finish.append(Entry(verify_data, VERIFY_DATA))

    @property
    def view(self) -> View:
        """All of it up to now."""
        return (*self._before, *self._exchange, *self._mutual, *self._finish)

    def digest(self, hash_name: str) -> bytes:
        """The hash of all of it up to now: TH1's or TH2's at their time."""
        return digest(hash_name, self.view)


def digest(hash_name: str, entries: Iterable[Entry]) -> bytes:
    """The hash of a view."""
    return hashes.digest(hash_name, *[entry.raw for entry in entries])
