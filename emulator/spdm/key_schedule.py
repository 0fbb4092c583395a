"""The key schedule: how a session's secrets follow from one another.

    shared secret or PSK ── Extract(salt 0) ──> handshake secret
      ├─ `req hs data`, `rsp hs data` with TH1 ──> one handshake secret a direction
      │    └─ `finished` ──> finished keys
      └─ `derived` ── Extract(zeros) ──> master secret
           ├─ `req app data`, `rsp app data` with TH2 ──> one data secret a direction
           │    └─ `traffic upd` ──> the next one
           └─ `exp master` with TH2 ──> export master secret

Each direction's secret gives its AEAD key and IV by `key` and `iv`. Everything here is a function
of its arguments; who keeps the results, and how long, is `session_secrets.py`'s matter. Sources:
libspdm `library/spdm_crypt_lib/libspdm_crypt_key_schedule.c` and
`library/spdm_secured_message_lib/libspdm_secmes_session.c`; of pre-shared keys
`os_stub/spdm_device_secret_lib_sample/psk.c`.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from emulator.crypto import hashes, kdf
from emulator.crypto.aead import NONCE_SIZE, SUITES
from emulator.spdm.versions import Version, rules

Secret = bytes | bytearray


class Direction(Enum):
    """Which way a message goes; each way has keys of its own."""

    REQUEST = "req"
    RESPONSE = "rsp"

    # By identity, as they are equal: the way of Enum's own is a call in Python, at each look-up.
    __hash__ = object.__hash__


_HANDSHAKE = {way: f"{way.value} hs data" for way in Direction}
_DATA = {way: f"{way.value} app data" for way in Direction}


def bin_concat(version: int, label: str, length: int, context: bytes = b"") -> bytes:
    """The info of an expansion: length u16 LE, `spdm1.x `, label, and the transcript's hash."""
    return _head(version, label, length) + context


@lru_cache(maxsize=64)
def _head(version: int, label: str, length: int) -> bytes:
    return length.to_bytes(2, "little") + f"spdm{Version(version).text} {label}".encode()


@dataclass(frozen=True, slots=True)
class KeySchedule:
    """The schedule of one connection.

    Attributes:
        version: the negotiated SPDMVersion.
        hash: the name of the base hash; secrets are as long as its digest.
    """

    version: int
    hash: str

    def handshake(self, shared: Secret, *, psk: bool) -> bytearray:
        """The handshake secret, of a shared secret or of a pre-shared key.

        Salt 0 is zeros; for a PSK since 1.3 it is 0xFF bytes.
        """
        return kdf.extract(self.hash, self.first_salt(psk=psk), shared)

    def first_salt(self, *, psk: bool) -> bytes:
        """What the shared secret, or the pre-shared key, is extracted with."""
        ones = psk and rules(self.version).psk_salt_ones
        return (b"\xff" if ones else b"\0") * hashes.size(self.hash)

    def handshake_secret(self, secret: Secret, way: Direction, th1: bytes) -> bytearray:
        """One direction's handshake secret, from the handshake secret and TH1's hash."""
        return self._expand(secret, _HANDSHAKE[way], th1)

    def finished_key(self, secret: Secret) -> bytearray:
        """The key of one direction's verify data, from its handshake secret."""
        return self._expand(secret, "finished")

    def master(self, secret: Secret) -> bytearray:
        """The master secret, from the handshake secret."""
        zeros = bytes(hashes.size(self.hash))
        return kdf.extract(self.hash, self.second_salt(secret), zeros)

    def second_salt(self, secret: Secret) -> bytes:
        """What the master secret is extracted with, from the handshake secret."""
        return bytes(self._expand(secret, "derived"))

    def data_secret(self, master: Secret, way: Direction, th2: bytes) -> bytearray:
        """One direction's data secret, from the master secret and TH2's hash."""
        return self._expand(master, _DATA[way], th2)

    def export_master(self, master: Secret, th2: bytes) -> bytearray:
        """The export master secret: what an application may derive its own keys from."""
        return self._expand(master, "exp master", th2)

    def updated(self, secret: Secret) -> bytearray:
        """The data secret that follows this one, as KEY_UPDATE asks."""
        return self._expand(secret, "traffic upd")

    def traffic(self, secret: Secret, aead: str) -> tuple[bytearray, bytearray]:
        """AEAD key and IV of a direction's secret."""
        size = SUITES[aead].key_size
        key = kdf.expand(self.hash, secret, bin_concat(self.version, "key", size), size)
        info = bin_concat(self.version, "iv", NONCE_SIZE)
        return key, kdf.expand(self.hash, secret, info, NONCE_SIZE)

    def verify_data(self, finished_key: Secret, transcript_hash: bytes) -> bytes:
        """The HMAC that proves a direction's finished key, over a transcript's hash."""
        return kdf.hmac(self.hash, finished_key, transcript_hash)

    def _expand(self, secret: Secret, label: str, context: bytes = b"") -> bytearray:
        size = hashes.size(self.hash)
        return kdf.expand(self.hash, secret, bin_concat(self.version, label, size, context), size)
