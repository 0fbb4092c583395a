"""Mistakes in secrets, the key schedule, and which transcript goes where."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from emulator.crypto import hashes
from emulator.spdm.doctor.attempt import Attempt, Facts
from emulator.spdm.doctor.mistake import InSchedule, schedule, secret
from emulator.spdm.doctor.recipe import Covered, Recipe
from emulator.spdm.session_transcript import CHAIN, VERIFY_DATA
from emulator.spdm.transcript import Entry, View
from emulator.spdm.versions import Version

_COVERED: dict[Covered, str] = {
    "transcript": "the transcript itself where its hash belongs",
    "hash twice": "the hash of the transcript's hash",
}


def _little_endian(facts: Facts, shared: bytes) -> bytes:
    return shared if facts.psk else shared[::-1]


def _stripped(facts: Facts, shared: bytes) -> bytes:
    return shared if facts.psk else shared.lstrip(b"\0")


def _hashed(facts: Facts, shared: bytes) -> bytes:
    return hashes.digest(facts.hash, shared)


def _without_zero(facts: Facts, shared: bytes) -> bytes:
    return shared.removesuffix(b"\0") if facts.psk else shared


def _with_zero(facts: Facts, shared: bytes) -> bytes:
    return shared + b"\0" if facts.psk else shared


def _as_digits(facts: Facts, shared: bytes) -> bytes:
    return shared.hex().encode() if facts.psk else shared


SECRETS = (
    secret("secret-little-endian", "your shared secret is little-endian", _little_endian),
    secret("secret-stripped", "your shared secret lacks its leading zeros", _stripped),
    secret("secret-hashed", "you hash the shared secret before its extraction", _hashed),
    secret("psk-without-zero", "your pre-shared key lacks the zero byte at its end", _without_zero),
    secret("psk-with-zero", "your pre-shared key has a zero byte too many at its end", _with_zero),
    secret("psk-digits", "your pre-shared key is its hexadecimal digits", _as_digits),
)


def _salted(byte: bytes, recipe: Recipe) -> Recipe:
    return replace(recipe, salt=byte * hashes.size(recipe.hash))


def _prefixes() -> Iterator[InSchedule]:
    texts = [f"spdm{version.text} " for version in Version]
    for prefix in (*texts, "tls13 ", "", "SPDM ", "spdm "):
        told = repr(prefix)[1:-1]
        name = prefix.strip().replace(".", "-") or "nothing"
        yield schedule(
            f"prefix-{name}{'-alone' if prefix == 'spdm ' else ''}",
            f"your key schedule's labels begin with '{told}', which is not the negotiated version's"
            " prefix",
            partial(_prefixed, prefix),
        )
    yield schedule(
        "prefix-without-space",
        "your key schedule's labels lack the space behind the version",
        lambda recipe: replace(recipe, prefix=recipe.prefix.rstrip()),
    )
    yield schedule(
        "prefix-in-capitals",
        "your key schedule's labels have the version's prefix in capitals",
        lambda recipe: replace(recipe, prefix=recipe.prefix.upper()),
    )


def _prefixed(prefix: str, recipe: Recipe) -> Recipe:
    return replace(recipe, prefix=prefix)


def _covering() -> Iterator[InSchedule]:
    for what, told in _COVERED.items():
        dashed = what.replace(" ", "-")
        yield schedule(
            f"proof-over-{dashed}",
            f"your verify data is made over {told}",
            partial(_proving, what),
        )
        yield schedule(
            f"labels-with-{dashed}", f"your labels have {told}", partial(_labelling, what)
        )
    yield schedule(
        "labels-without-transcript",
        "your labels lack the transcript's hash",
        partial(_labelling, "nothing"),
    )


def _proving(what: Covered, recipe: Recipe) -> Recipe:
    return replace(recipe, proven=what)


def _labelling(what: Covered, recipe: Recipe) -> Recipe:
    return replace(recipe, context=what)


SCHEDULE = (
    *_prefixes(),
    schedule(
        "length-big-endian",
        "the lengths in your labels are big-endian",
        lambda recipe: replace(recipe, length="big"),
    ),
    schedule(
        "length-left-out",
        "your labels lack the length before the version",
        lambda recipe: replace(recipe, length=None),
    ),
    schedule(
        "salt-0-zeros",
        "your salt 0 is zeros, or has no bytes; for a pre-shared key it is 0xFF bytes since 1.3",
        partial(_salted, b"\0"),
    ),
    schedule(
        "salt-0-ones",
        "your salt 0 is 0xFF bytes, which it is for a pre-shared key since 1.3 alone",
        partial(_salted, b"\xff"),
    ),
    schedule(
        "salt-0-swapped",
        "your first extraction has secret and salt in each other's place",
        lambda recipe: replace(recipe, extract="swapped"),
    ),
    schedule(
        "extraction-left-out",
        "your handshake secret is the shared secret itself: the first extraction is missing",
        lambda recipe: replace(recipe, extract="none"),
    ),
    schedule(
        "other-finished-key",
        "your verify data is made with the responder's finished key",
        lambda recipe: replace(recipe, finished_by="rsp"),
    ),
    schedule(
        "other-direction",
        "you use the responder's secret ('rsp') where the requester's belongs",
        lambda recipe: replace(recipe, request="rsp"),
    ),
    schedule(
        "finished-key-left-out",
        "your verify data is made with the handshake secret: the finished key is missing",
        lambda recipe: replace(recipe, finished=None),
    ),
    *_covering(),
    schedule(
        "derive-left-out",
        "your master secret lacks the step 'derived': its salt is the handshake secret",
        lambda recipe: replace(recipe, derived="handshake"),
    ),
    schedule(
        "derive-hashed",
        "your step 'derived' has the hash of nothing, as in TLS, where SPDM has no context",
        lambda recipe: replace(recipe, derived="hashed"),
    ),
    schedule(
        "salt-1-zeros",
        "your salt 1 is zeros, or has no bytes; it is derived from the handshake secret",
        lambda recipe: replace(recipe, derived="zeros"),
    ),
    schedule(
        "master-left-out",
        "your data secrets follow from the handshake secret: the master secret is missing",
        lambda recipe: replace(recipe, derived="none"),
    ),
    schedule(
        "second-extraction-empty",
        "your second extraction is of nothing, where it is of zeros as long as the hash",
        lambda recipe: replace(recipe, zeros=False),
    ),
    schedule(
        "key-label-swapped",
        "the labels 'key' and 'iv' are in each other's place",
        lambda recipe: replace(recipe, labels=("iv", "key")),
    ),
    schedule(
        "key-length-of-hash",
        "your label 'key' has the hash's length, not the key's",
        lambda recipe: replace(recipe, key_length=hashes.size(recipe.hash)),
    ),
)


def _other_hash(name: str, right: Attempt) -> Attempt | None:
    """Another hash for all there is, the chain's included."""
    facts, recipe = right.facts, right.recipe
    if name == recipe.hash:
        return None
    salt = recipe.salt[:1] * hashes.size(name)

    def rehashed(view: View) -> View:
        if facts.chain is None:
            return view
        chain = Entry(facts.chain.digest(name), CHAIN)
        return tuple(chain if entry.told == CHAIN else entry for entry in view)

    return replace(
        right,
        recipe=replace(recipe, hash=name, salt=salt),
        exchange=rehashed(right.exchange),
        finish=rehashed(right.finish),
        whole=rehashed(right.whole),
    )


def _th1_for_finish(right: Attempt) -> Attempt:
    return replace(right, finish=right.exchange)


def _th1_for_th2(right: Attempt) -> Attempt:
    return replace(right, whole=right.exchange)


def _finish_for_th2(right: Attempt) -> Attempt:
    return replace(right, whole=right.finish)


def _finish_proof_left_out(right: Attempt) -> Attempt:
    """TH2 without FINISH's verify data."""
    at = len(right.finish)
    return replace(right, whole=(*right.whole[:at], *right.whole[at + 1 :]))


def _last_proof_left_out(right: Attempt) -> Attempt | None:
    """TH2 without FINISH_RSP's verify data."""
    whole = right.whole
    found = whole and whole[-1].told == VERIFY_DATA and right.facts.in_the_clear
    return replace(right, whole=whole[:-1]) if found else None


def _proof_in_th1(right: Attempt) -> Attempt | None:
    """TH1 with the verify data that is made of it."""
    at = len(right.exchange)
    following = right.finish[at : at + 1]
    has = following and following[0].told == VERIFY_DATA
    return replace(right, exchange=(*right.exchange, *following)) if has else None


def _missing_proof(right: Attempt) -> Attempt | None:
    """Zeros for a verify data of KEY_EXCHANGE_RSP that there is not, as FINISH is in the clear."""
    if not right.facts.in_the_clear:
        return None
    at = len(right.exchange)
    zeros = Entry(bytes(hashes.size(right.facts.hash)), VERIFY_DATA)
    finish = (*right.finish[:at], zeros, *right.finish[at:])
    return replace(right, finish=finish, whole=(*right.whole[:at], zeros, *right.whole[at:]))


COMPOSITION = (
    InSchedule(
        "th1-for-finish",
        "your verify data is made over TH1; FINISH's transcript goes on to FINISH's header",
        _th1_for_finish,
    ),
    InSchedule("th1-for-th2", "your data secrets are made with TH1 where TH2 is due", _th1_for_th2),
    InSchedule(
        "finish-for-th2",
        "your TH2 ends with FINISH's header: its verify data and FINISH_RSP are missing",
        _finish_for_th2,
    ),
    InSchedule(
        "th2-without-finish-proof",
        "your TH2 leaves out the verify data of FINISH",
        _finish_proof_left_out,
    ),
    InSchedule(
        "th2-without-last-proof",
        "your TH2 leaves out the verify data of FINISH_RSP",
        _last_proof_left_out,
    ),
    InSchedule(
        "proof-in-th1",
        "your TH1 has the verify data of the exchange's reply, which is made of it",
        _proof_in_th1,
    ),
    InSchedule(
        "proof-that-is-none",
        "your transcript has zeros for verify data of KEY_EXCHANGE_RSP, and in the clear there is"
        " none",
        _missing_proof,
    ),
    *(
        InSchedule(
            f"hash-{name.lower().replace('_', '-')}",
            f"you use {name}, which is not the negotiated base hash",
            partial(_other_hash, name),
        )
        for name in hashes.NAMES
    ),
)


ROWS = (*SECRETS, *SCHEDULE, *COMPOSITION)
"""All of them, the likely ones before what looks the same."""
