"""A record that is to be made, for the stages that reach into it."""

from dataclasses import dataclass, replace

from emulator.crypto.aead import TAG_SIZE
from emulator.entropy import Entropy
from emulator.spdm.secured import LARGEST, SEQUENCE_LIMIT, Sealer, Traffic
from emulator.spdm.session import Session

_LENGTH_SIZE = 2


@dataclass(frozen=True, slots=True)
class Sealing:
    """What goes into a record, and how it is sealed.

    Attributes:
        session: the session that the reply goes back in.
        sealer: the id in the record's header, and how records are made.
        traffic: the key it is sealed with.
        message: the SPDM message.
        inner: the application message: that, with what the transport puts before it inside.
        sequence: its sequence number; None: the next of `traffic`.
        stays: later records count on from there; otherwise as if it had had the next.
        length: the application length before `inner`, in an encrypted session; None: the right one.
        padding: more random bytes behind `inner`, likewise.
        clear: the message goes as it is, in no record.
    """

    session: Session
    sealer: Sealer
    traffic: Traffic
    message: bytes
    inner: bytes
    sequence: int | None = None
    stays: bool = False
    length: int | None = None
    padding: bytes = b""
    clear: bool = False

    def sealed(self, entropy: Entropy) -> bytes:
        """The record, or the message where it goes in the clear.

        What no record has room for is left out.
        """
        if self.clear:
            return self.message
        traffic, sealer = self.traffic, self.sealer
        inner = self.inner[: LARGEST - TAG_SIZE - _LENGTH_SIZE - sealer.form.max_random]
        if self.length is not None or self.padding:
            sealer = _Bodied(
                sealer.session, sealer.form, sealer.encrypted, self.length, self.padding
            )
        if self.sequence is None:
            return sealer.seal(traffic, inner, entropy)
        once = replace(traffic, sequence=self.sequence, limit=SEQUENCE_LIMIT)
        record = sealer.seal(once, inner, entropy)
        traffic.sequence = once.sequence if self.stays else traffic.sequence + 1
        return record


@dataclass(frozen=True, slots=True)
class _Bodied(Sealer):
    """Makes encrypted bodies that are not as they should be."""

    length: int | None
    padding: bytes

    def _body(self, inner: bytes, entropy: Entropy) -> bytes:
        body = Sealer._body(self, inner, entropy)  # noqa: SLF001 - super() fails: slots make a new class
        if self.length is not None:
            body = self.length.to_bytes(_LENGTH_SIZE, "little") + body[_LENGTH_SIZE:]
        return body + self.padding[: LARGEST - TAG_SIZE - len(body)]
