"""Whether the device's replies fit: opaque data, and what it can send in one piece.

Without CHUNK a reply that exceeds the transmit limit can never be sent, so a profile whose
CHALLENGE_AUTH or signed MEASUREMENTS cannot fit is refused when it is loaded. Sizes come from
building the messages, with the largest of everything that can be negotiated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from emulator.device import Measurement
from emulator.profile import model, opaque, vocabulary
from emulator.profile.measured import largest_state
from emulator.profile.model import Profile
from emulator.profile.report import Report
from emulator.spdm import algorithms
from emulator.spdm.algorithms import Algorithm, OpaqueFormat
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.messages import Certificate, ChallengeAuth, Digests, Measurements
from emulator.spdm.messages.challenge import MAX_OPAQUE, NONCE_SIZE
from emulator.spdm.versions import BY_TEXT, Version
from emulator.wire import Message, Shape, encode

OpaqueData = Mapping[int, bytes]
"""Opaque data of a message by format (`OpaqueFormat`)."""

_NO_SIGNATURE = Algorithm("no signature", 0, 0)


@dataclass(frozen=True, order=True)
class _Reply:
    """The size of a reply, and what it was built for."""

    size: int
    text: str


def opaque_data(profile: Profile, message: str) -> OpaqueData:
    """The opaque data of `message` (`challenge` or `measurements`)."""
    by_format: model.OpaqueByFormat = getattr(profile.opaque, message)
    return {
        OpaqueFormat[name].value: _opaque_bytes(value)
        for name, value in by_format
        if value is not None
    }


def _opaque_bytes(value: str | Sequence[model.Element]) -> bytes:
    if isinstance(value, str):
        return bytes.fromhex(value)
    return opaque.table(
        [
            opaque.Element(one.registry, bytes.fromhex(one.vendor), bytes.fromhex(one.data))
            for one in value
        ]
    )


def check_opaque(profile: Profile, report: Report) -> None:
    """No more opaque data than SPDM allows."""
    for message in ("challenge", "measurements"):
        for number, data in opaque_data(profile, message).items():
            if len(data) > MAX_OPAQUE:
                steps = ("opaque", message, OpaqueFormat(number).name or "")
                report.at(steps, f"at most {MAX_OPAQUE} bytes", f"{len(data)} bytes")


def check_transmit(profile: Profile, measurements: Sequence[Measurement], report: Report) -> None:
    """Every reply that must be possible fits what the device sends in one piece.

    `measurements` are those of `profile`, in its order.
    """
    limit = profile.sizes.transmit
    chunks = "CHUNK" in profile.capabilities
    if chunks and min(profile.versions) >= Version.V1_2.text:
        return  # what is larger goes out in chunks
    hash_name = profile.algorithms.measurement_hash or "RAW_BIT"
    blocks = [_largest_of(profile, entry).block(hash_name, raw=False) for entry in measurements]
    needed = max(_replies(profile, min(blocks, key=len, default=None)), default=None)
    if needed is not None and needed.size > limit:
        expect = f"at least {needed.size}, the size of {needed.text}"
        report.at(("sizes", "transmit"), expect, f"{limit} bytes")
        return
    # With CHUNK a large block is for those who fetch it in chunks.
    for number, block in enumerate([] if chunks else blocks):
        over = max(_measurement_replies(profile, block)).size - limit
        if over > 0:
            most = f"at most {len(block) - over}, so that MEASUREMENTS fits sizes.transmit"
            report.at(("measurements", number), most, f"a block of {len(block)} bytes")
    most_portion = limit - _size(
        Certificate(version=Version.V1_2, slot=0, remainder_length=0, portion=b"")
    )
    if profile.sizes.certificate_portion > most_portion:
        expect = f"at most {most_portion}, what CERTIFICATE has room for in sizes.transmit"
        report.at(("sizes", "certificate_portion"), expect)


def _largest_of(profile: Profile, entry: Measurement) -> Measurement:
    """A measurement with the largest value that it can have."""
    if entry.state is None:
        return entry
    return replace(entry, value=bytes(largest_state(profile, entry.state)))


def _replies(profile: Profile, block: bytes | None) -> Iterator[_Reply]:
    """The replies that must fit, for each version and pair of algorithms."""
    flags = vocabulary.flags(profile.capabilities)
    largest_hash = max(_rows(algorithms.HASHES, profile.algorithms.hash), key=_digest_size)
    slots = sum(1 << number for number in profile.slots)
    if Cap.CERT in flags:
        digests = bytes(largest_hash.size * slots.bit_count())
        message = Digests(version=Version.V1_2, provisioned_slots=slots, digests=digests)
        yield _Reply(_size(message, digest=largest_hash.size), f"DIGESTS with {largest_hash.name}")
    if Cap.CHAL in flags:
        yield from _challenge_replies(profile, has_summary=bool(flags & MEAS))
    if block is not None:
        yield from _measurement_replies(profile, block)


def _challenge_replies(profile: Profile, *, has_summary: bool) -> Iterator[_Reply]:
    opaque_size = _largest(opaque_data(profile, "challenge"))
    for version, base, asym in _pairs(profile):
        summary = base.size if has_summary else 0
        message = ChallengeAuth(
            version=version,
            slot=0,
            slot_mask=0,
            cert_chain_hash=bytes(base.size),
            nonce=bytes(NONCE_SIZE),
            summary=bytes(summary),
            opaque=bytes(opaque_size),
            signature=bytes(asym.size),
        )
        size = _size(message, digest=base.size, signature=asym.size, summary=summary)
        yield _Reply(size, f"CHALLENGE_AUTH in {version.text} with {base.name} and {asym.name}")


def _measurement_replies(profile: Profile, block: bytes) -> Iterator[_Reply]:
    opaque_size = _largest(opaque_data(profile, "measurements"))
    signs = Cap.MEAS_SIG in vocabulary.flags(profile.capabilities)
    for version, _, asym in _pairs(profile):
        signature = asym.size if signs else 0
        message = Measurements(
            version=version,
            block_count=1,
            record=block,
            nonce=bytes(NONCE_SIZE),
            opaque=bytes(opaque_size),
            signature=bytes(signature),
        )
        size = _size(message, signature=signature)
        with_signature = f" with {asym.name}" if signs else ""
        yield _Reply(size, f"MEASUREMENTS of one block in {version.text}{with_signature}")


def _pairs(profile: Profile) -> Iterator[tuple[Version, Algorithm, Algorithm]]:
    """Each version, hash and signature algorithm that can be negotiated together."""
    return product(
        [BY_TEXT[text] for text in profile.versions],
        _rows(algorithms.HASHES, profile.algorithms.hash),
        _rows(algorithms.SIGNATURES, profile.algorithms.asym) or [_NO_SIGNATURE],
    )


def _rows(family: tuple[Algorithm, ...], names: Sequence[str]) -> list[Algorithm]:
    return [algorithms.by_name(family, name) for name in names]


def _digest_size(row: Algorithm) -> int:
    return row.size


def _largest(data: OpaqueData) -> int:
    return max(map(len, data.values()), default=0)


def _size(message: Message, *, digest: int = 0, signature: int = 0, summary: int = 0) -> int:
    shape = Shape(message.version, hash=digest, signature=signature, summary=summary)
    return len(encode(message, shape))
