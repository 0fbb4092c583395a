"""Mistakes in which messages a transcript has."""

from collections.abc import Callable, Iterator
from functools import partial

from emulator.crypto import hashes
from emulator.spdm.chain import CertificateChain
from emulator.spdm.codes import Code
from emulator.spdm.doctor.attempt import Facts, is_finish
from emulator.spdm.doctor.mistake import Alter, AnyOf, InTranscript, Mistake
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.spdm.session_transcript import CHAIN, REQUESTER_CHAIN, SIGNATURE, VERIFY_DATA
from emulator.spdm.transcript import Entry, View

NEGOTIATION = (
    Code.GET_VERSION,
    Code.VERSION,
    Code.GET_CAPABILITIES,
    Code.CAPABILITIES,
    Code.NEGOTIATE_ALGORITHMS,
    Code.ALGORITHMS,
)
_DIGESTS = (Code.DIGESTS,)
_GET_DIGESTS = (Code.GET_DIGESTS, Code.DIGESTS)
_CERTIFICATES = (Code.GET_CERTIFICATE, Code.CERTIFICATE)
_SPDM_HEADER = 4


def is_message(entry: Entry, codes: tuple[Code, ...]) -> bool:
    """Whether an entry is one of these messages."""
    return not entry.told and len(entry.raw) > 1 and entry.raw[1] in codes


def _without(codes: tuple[Code, ...], _: Facts, view: View) -> View:
    return tuple(entry for entry in view if not is_message(entry, codes))


def _without_told(told: str, _: Facts, view: View) -> View:
    return tuple(entry for entry in view if entry.told != told)


def _with_said(codes: tuple[Code, ...], facts: Facts, view: View) -> View:
    """What was said about certificates stands behind the negotiation, unless it is there."""
    if any(is_message(entry, _DIGESTS) for entry in view):
        view = _without(_DIGESTS, facts, view)
    at = sum(is_message(entry, NEGOTIATION) for entry in view)
    said = tuple(entry for entry in facts.said if is_message(entry, codes))
    return (*view[:at], *said, *view[at:])


def _chain_as(what: Alter, facts: Facts, view: View) -> View:
    """Something else stands for the hash of the chain."""
    return tuple(
        one for entry in view for one in (what(facts, ()) if entry.told == CHAIN else (entry,))
    )


def _whole_chain(facts: Facts, _: View) -> View:
    return _entry(facts, lambda chain: chain.spdm(facts.hash))


def _certificates(facts: Facts, _: View) -> View:
    return _entry(facts, lambda chain: b"".join(chain.certificates))


def _hash_of_certificates(facts: Facts, _: View) -> View:
    return _entry(facts, lambda chain: hashes.digest(facts.hash, *chain.certificates))


def _hash_of_root(facts: Facts, _: View) -> View:
    return _entry(facts, lambda chain: hashes.digest(facts.hash, chain.root))


def _hash_of_leaf(facts: Facts, _: View) -> View:
    return _entry(facts, lambda chain: hashes.digest(facts.hash, chain.certificates[-1]))


def _hash_without_header(facts: Facts, _: View) -> View:
    return _entry(
        facts, lambda chain: hashes.digest(facts.hash, chain.spdm(facts.hash)[_SPDM_HEADER:])
    )


def _hash_of_key(facts: Facts, _: View) -> View:
    return _entry(facts, lambda chain: hashes.digest(facts.hash, chain.key.public.spki))


def _entry(facts: Facts, of: Callable[[CertificateChain], bytes]) -> View:
    return () if facts.chain is None else (Entry(of(facts.chain), CHAIN),)


def _other_slot(number: int, facts: Facts, view: View) -> View:
    others = [chain for chain in facts.chains if chain is not facts.chain]
    if number >= len(others):
        return view
    other = Entry(others[number].digest(facts.hash), CHAIN)
    return _chain_as(lambda *_: (other,), facts, view)


def _chain_last(_: Facts, view: View) -> View:
    """The chain's hash behind the exchange."""
    chain = tuple(entry for entry in view if entry.told == CHAIN)
    rest = tuple(entry for entry in view if entry.told != CHAIN)
    kept = (Code.KEY_EXCHANGE, Code.KEY_EXCHANGE_RSP)
    after = max([n for n, entry in enumerate(rest, 1) if is_message(entry, kept)], default=0)
    while after < len(rest) and rest[after].told in {SIGNATURE, VERIFY_DATA}:
        after += 1
    return (*rest[:after], *chain, *rest[after:])


def _chain_first(_: Facts, view: View) -> View:
    chain = tuple(entry for entry in view if entry.told == CHAIN)
    return (*chain, *(entry for entry in view if entry.told != CHAIN))


def _without_exchange_proof(_: Facts, view: View) -> View:
    """The first verify data, that of the exchange's reply, is left out."""
    finish = next((n for n, entry in enumerate(view) if is_finish(entry)), len(view))
    return tuple(entry for n, entry in enumerate(view) if entry.told != VERIFY_DATA or n > finish)


def _without_finish(_: Facts, view: View) -> View:
    return tuple(entry for entry in view if not is_finish(entry))


def _rows() -> Iterator[InTranscript]:
    for name, told, codes in (
        ("digests-left-out", "DIGESTS", _DIGESTS),
        ("negotiation-left-out", "VERSION, CAPABILITIES and ALGORITHMS", NEGOTIATION),
        ("version-left-out", "GET_VERSION and VERSION", NEGOTIATION[:2]),
        ("capabilities-left-out", "GET_CAPABILITIES and CAPABILITIES", NEGOTIATION[2:4]),
        ("algorithms-left-out", "NEGOTIATE_ALGORITHMS and ALGORITHMS", NEGOTIATION[4:]),
        ("negotiation-requests-left-out", "the negotiation's requests", NEGOTIATION[::2]),
        ("negotiation-replies-left-out", "the negotiation's replies", NEGOTIATION[1::2]),
        *((f"{code.name.lower()}-alone-left-out", code.name, (code,)) for code in NEGOTIATION),
        *(
            (f"{code.name.lower().replace('_', '-')}-left-out", code.name, (code,))
            for code in (
                Code.KEY_EXCHANGE,
                Code.KEY_EXCHANGE_RSP,
                Code.PSK_EXCHANGE,
                Code.PSK_EXCHANGE_RSP,
                Code.FINISH_RSP,
                Code.PSK_FINISH_RSP,
            )
        ),
    ):
        explanation = f"your transcript leaves out {told}"
        yield InTranscript(name.replace("_", "-"), explanation, partial(_without, codes))
    yield InTranscript(
        "finish-left-out", "your transcript leaves out FINISH's own header", _without_finish
    )
    everything = (*_GET_DIGESTS, *_CERTIFICATES)
    for name, told, codes in (
        ("digests-put-in", "DIGESTS, which only counts where several keys may be used", _DIGESTS),
        ("get-digests-put-in", "GET_DIGESTS and DIGESTS", _GET_DIGESTS),
        ("certificates-put-in", "GET_CERTIFICATE and CERTIFICATE", _CERTIFICATES),
        ("everything-put-in", "all that was said about certificates", everything),
        ("certificate-replies-put-in", "DIGESTS and CERTIFICATE", everything[1::2]),
    ):
        yield InTranscript(name, f"your transcript has {told}", partial(_with_said, codes))


def _chain_rows() -> Iterator[Mistake]:
    where = "where the hash of the chain belongs"
    other: tuple[tuple[str, str, Alter], ...] = (
        ("chain-not-hashed", "the certificate chain itself", _whole_chain),
        ("certificates-not-hashed", "the certificates themselves", _certificates),
        (
            "hash-of-certificates",
            "the hash of the certificates without SPDM's header",
            _hash_of_certificates,
        ),
        ("hash-of-root", "the hash of the root certificate", _hash_of_root),
        ("hash-of-leaf", "the hash of the leaf certificate", _hash_of_leaf),
        ("hash-of-public-key", "the hash of the leaf's public key", _hash_of_key),
        ("hash-without-length", "the hash of the chain without its length", _hash_without_header),
    )
    for name, told, what in other:
        yield InTranscript(name, f"your transcript has {told} {where}", partial(_chain_as, what))
    yield AnyOf(
        "hash-of-another-slot",
        "your transcript has the hash of another slot's certificate chain",
        tuple(partial(_other_slot, number) for number in range(SLOT_COUNT - 1)),
    )
    yield InTranscript(
        "chain-left-out",
        "your transcript leaves out the hash of the certificate chain",
        partial(_without_told, CHAIN),
    )
    yield InTranscript(
        "chain-first",
        "your transcript has the certificate chain's hash before the negotiation",
        _chain_first,
    )
    yield InTranscript(
        "chain-last",
        "your transcript has the certificate chain's hash behind the key exchange",
        _chain_last,
    )


ROWS: tuple[Mistake, ...] = (
    *_rows(),
    *_chain_rows(),
    InTranscript(
        "requester-chain-left-out",
        "your transcript leaves out the hash of your own certificate chain",
        partial(_without_told, REQUESTER_CHAIN),
    ),
    InTranscript(
        "signature-left-out",
        "your transcript leaves out the signature of KEY_EXCHANGE_RSP",
        partial(_without_told, SIGNATURE),
    ),
    InTranscript(
        "exchange-proof-left-out",
        "your transcript leaves out the verify data of the exchange's reply",
        _without_exchange_proof,
    ),
    InTranscript(
        "all-proofs-left-out",
        "your transcript leaves out all verify data",
        partial(_without_told, VERIFY_DATA),
    ),
)
"""The mistakes in which messages there are."""
