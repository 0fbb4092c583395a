"""The secrets of one session, in one object with a lifetime.

- `begin`, with the exchange's shared secret (which it wipes) and TH1: the handshake secrets, the
  finished keys and the handshake's traffic keys;
- `establish`, with TH2: the data secrets, the export master secret and the data's traffic keys.
  What belonged to the handshake is wiped, and so is the master secret;
- `update`, for each KEY_UPDATE of a direction: the old key stays until `confirm`, or comes back by
  `revert`;
- `forget`, once the first record under the data's keys has opened: the shared secret itself, which
  is kept until then where `keep` says so, for the transcript doctor (`doctor/`);
- `wipe`, at the session's end, whatever ended it: all of it.

Secrets are bytearrays, overwritten when their time is over, and never shown by `repr`. Python may
have copied what passed through `bytes` and `cryptography`; those copies are freed, not overwritten.
Nothing is written anywhere: a key log hears of secrets by `listener`.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

from emulator.crypto import kdf
from emulator.crypto.aead import Aead
from emulator.errors import EmulatorError
from emulator.spdm.key_schedule import Direction, KeySchedule
from emulator.spdm.secured import SEQUENCE_LIMIT, Traffic

Listener = Callable[[str, bytes], None]
"""Hears of each secret that others follow from: its label in a key log, and its bytes."""

LABELS = {
    ("hs", Direction.REQUEST): "REQUEST_HANDSHAKE",
    ("hs", Direction.RESPONSE): "RESPONSE_HANDSHAKE",
    ("app", Direction.REQUEST): "REQUEST_DATA",
    ("app", Direction.RESPONSE): "RESPONSE_DATA",
}
"""What a key log calls the secret of each direction, of the handshake and of the data."""

EXPORT_LABEL = "EXPORT_MASTER"


_T = TypeVar("_T")


def _nobody(label: str, secret: bytes) -> None:
    del label, secret


def _wipe(secret: bytearray) -> None:
    secret[:] = bytes(len(secret))


class _Way:
    """What one direction has: its secret, and the traffic under it."""

    __slots__ = ("secret", "traffic")

    def __init__(self, secret: bytearray, traffic: Traffic) -> None:
        self.secret = secret
        self.traffic = traffic

    def wipe(self) -> None:
        _wipe(self.secret)
        self.traffic.wipe()


class Secrets:
    """All secrets of one session; see above for what there is when.

    Attributes:
        kept: the shared secret or the pre-shared key; empty where it is not, or not any more.
    """

    def __init__(
        self,
        schedule: KeySchedule,
        aead: str,
        *,
        limit: int = SEQUENCE_LIMIT,
        order: Literal["little", "big"] = "little",
        listener: Listener = _nobody,
        keep: bool = False,
    ) -> None:
        """`limit` and `order` as in `Traffic`; `keep` the shared secret until `forget`."""
        self._schedule = schedule
        self._aead = aead
        self._limit = limit
        self._order: Literal["little", "big"] = order
        self._listener = listener
        self._handshake = bytearray()
        self._finished: dict[Direction, bytearray] = {}
        self._ways: dict[Direction, _Way] = {}
        self._before: dict[Direction, _Way] = {}
        self._export = bytearray()
        self._keep = keep
        self.kept = bytearray()

    def begin(self, shared: bytearray, th1: bytes, *, psk: bool = False) -> None:
        """Start the handshake with the shared secret, which is wiped, or with a pre-shared key."""
        self._handshake = self._schedule.handshake(shared, psk=psk)
        if self._keep:
            self.kept = bytearray(shared)
        if not psk:
            _wipe(shared)
        for way in Direction:
            secret = self._schedule.handshake_secret(self._handshake, way, th1)
            self._finished[way] = self._schedule.finished_key(secret)
            self._ways[way] = self._way("hs", way, secret)

    def establish(self, th2: bytes) -> None:
        """Go from the handshake to the data; records of the handshake can be made no more."""
        master = self._schedule.master(self._handshake)
        self._end_handshake()
        for way in Direction:
            secret = self._schedule.data_secret(master, way, th2)
            self._ways[way] = self._way("app", way, secret)
        self._export = self._schedule.export_master(master, th2)
        self._listener(EXPORT_LABEL, bytes(self._export))
        _wipe(master)

    def verify_data(self, way: Direction, transcript_hash: bytes) -> bytes:
        """A direction's verify data over a transcript, while the handshake lasts."""
        return self._schedule.verify_data(self._found(self._finished, way), transcript_hash)

    def verifies(self, way: Direction, transcript_hash: bytes, verify_data: bytes) -> bool:
        """Whether the peer's verify data is right."""
        return kdf.same(self.verify_data(way, transcript_hash), verify_data)

    def traffic(self, way: Direction) -> Traffic:
        """The keys that the direction's next record is under."""
        return self._found(self._ways, way).traffic

    @property
    def schedule(self) -> KeySchedule:
        """How secrets follow from one another; a fault may put another in its place for a while."""
        return self._schedule

    @schedule.setter
    def schedule(self, schedule: KeySchedule) -> None:
        self._schedule = schedule

    @property
    def export_master(self) -> bytes:
        """The export master secret of an established session."""
        return bytes(self._export)

    def update(self, way: Direction) -> None:
        """Give a direction its next key; the old one stays until `confirm` or `revert`."""
        now = self._found(self._ways, way)
        secret = self._schedule.updated(now.secret)
        self.confirm(way)
        self._before[way] = now
        self._ways[way] = self._way("app", way, secret, told=False)

    def confirm(self, way: Direction) -> None:
        """Wipe the key before the last update, if it is still there."""
        if way in self._before:
            self._before.pop(way).wipe()

    def revert(self, way: Direction) -> bool:
        """Take the key before the last update again; False if there is none any more."""
        if way not in self._before:
            return False
        self._ways[way].wipe()
        self._ways[way] = self._before.pop(way)
        return True

    def forget(self) -> None:
        """Overwrite the shared secret, if it was kept."""
        _wipe(self.kept)
        self.kept = bytearray()

    def wipe(self) -> None:
        """Overwrite everything: the session is over."""
        self.forget()
        self._end_handshake()
        for way in tuple(self._before):
            self.confirm(way)
        self._ways.clear()
        _wipe(self._export)

    def _end_handshake(self) -> None:
        _wipe(self._handshake)
        for secret in self._finished.values():
            _wipe(secret)
        self._finished.clear()
        for one in self._ways.values():
            one.wipe()

    def _way(self, stage: str, way: Direction, secret: bytearray, *, told: bool = True) -> _Way:
        """A direction under `secret`."""
        if told:
            self._listener(LABELS[stage, way], bytes(secret))
        key, iv = self._schedule.traffic(secret, self._aead)
        traffic = Traffic(Aead(self._aead, key), iv, limit=self._limit, order=self._order)
        _wipe(key)
        return _Way(secret, traffic)

    @staticmethod
    def _found(of: dict[Direction, _T], way: Direction) -> _T:
        if way not in of:
            raise EmulatorError(f"there is no {way.name.lower()} secret at this point of a session")
        return of[way]
