"""A key schedule with something wrong in it."""

from collections.abc import Callable
from dataclasses import dataclass

from emulator.crypto import kdf
from emulator.spdm.key_schedule import Direction, KeySchedule, Secret

Edit = Callable[[bytes], bytes]
"""What is made of some bytes."""


Proof = Callable[[Secret, bytes], bytes]
"""What is made of verify data, and of the finished key it was made with."""


def _same(data: bytes) -> bytes:
    return data


def _right(finished_key: Secret, verify_data: bytes) -> bytes:
    del finished_key
    return verify_data


@dataclass(frozen=True, slots=True, kw_only=True)
class BentSchedule(KeySchedule):
    """A schedule of which single steps are not as they should be.

    Attributes:
        agreed: the version that was negotiated; `version` is the one in the labels.
        shared: what is made of the shared secret, or of the pre-shared key.
        hashed: what is made of a transcript's hash, TH1 or TH2, before keys follow from it.
        proved: what is made of a transcript's hash before verify data does.
        first: what is made of the salt that the shared secret is extracted with.
        second: what is made of the salt that the master secret is extracted with.
        proof: what is made of verify data.
        swapped: each direction has the secrets of the other.
    """

    agreed: int
    shared: Edit = _same
    hashed: Edit = _same
    proved: Edit = _same
    first: Edit = _same
    second: Edit = _same
    proof: Proof = _right
    swapped: bool = False

    def handshake(self, shared: Secret, *, psk: bool) -> bytearray:
        """From another secret, or with another salt."""
        return kdf.extract(self.hash, self.first_salt(psk=psk), self.shared(bytes(shared)))

    def first_salt(self, *, psk: bool) -> bytes:
        """Another salt; the right one is that of the version agreed."""
        return self.first(KeySchedule(self.agreed, self.hash).first_salt(psk=psk))

    def second_salt(self, secret: Secret) -> bytes:
        """Another salt."""
        return self.second(KeySchedule(self.version, self.hash).second_salt(secret))

    def handshake_secret(self, secret: Secret, way: Direction, th1: bytes) -> bytearray:
        """Of another transcript, or of the other direction."""
        right = KeySchedule(self.version, self.hash)
        return right.handshake_secret(secret, self._way(way), self.hashed(th1))

    def data_secret(self, master: Secret, way: Direction, th2: bytes) -> bytearray:
        """Likewise."""
        right = KeySchedule(self.version, self.hash)
        return right.data_secret(master, self._way(way), self.hashed(th2))

    def export_master(self, master: Secret, th2: bytes) -> bytearray:
        """Of another transcript."""
        return KeySchedule(self.version, self.hash).export_master(master, self.hashed(th2))

    def verify_data(self, finished_key: Secret, transcript_hash: bytes) -> bytes:
        """Over another transcript, or changed once it is made."""
        right = kdf.hmac(self.hash, finished_key, self.proved(transcript_hash))
        return self.proof(finished_key, right)

    def _way(self, way: Direction) -> Direction:
        if not self.swapped:
            return way
        return Direction.RESPONSE if way is Direction.REQUEST else Direction.REQUEST


def bent(schedule: KeySchedule) -> BentSchedule:
    """`schedule` with nothing wrong yet."""
    return BentSchedule(schedule.version, schedule.hash, agreed=schedule.version)
