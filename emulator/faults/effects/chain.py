"""Stage chain: what a slot is said to hold.

DIGESTS, CERTIFICATE, CHALLENGE_AUTH and the signatures of an exchange a rule is about agree with
each other: a rule that names no message changes all of them, one that names GET_CERTIFICATE alone
leaves a digest that does not fit.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from emulator.device import CertificateChain
from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.forms import Vocabulary, choice
from emulator.spdm.messages.certificates import SLOT_COUNT

ISSUED = {
    "expired": "the certificates below the authority are no longer valid",
    "not-yet-valid": "they are not valid yet",
    "wrong-san": "the leaf has the PCIe CMA name of another device",
    "no-san": "the leaf has no PCIe CMA name",
    "missing-eku": "the leaf has no extended key usage, which no rule forbids",
    "requester-eku": "the leaf is for SPDM requesters alone",
    "missing-oid": "the leaf has no SPDM identifier, which libspdm does not miss",
    "self-signed-leaf": "the leaf is signed by its own key and stands alone",
    "leaf-is-ca": "the leaf's basicConstraints make it a CA",
    "weak-key-usage": "the leaf's key usage is keyAgreement, without digitalSignature",
}
"""Kinds for which certificates are issued anew, with the same keys."""

MADE = {
    "broken-order": "the certificates above the leaf are in the wrong order",
    "wrong-root-hash": "the header has the hash of the leaf in place of the root's",
    "oversize": "the root is repeated until the chain has nearly 0xFFFF bytes, the most before 1.4",
    "extra-certificate": "the certificate above the leaf stands there twice",
    "key-mismatch": "signatures are by another key than the leaf's",
    "bad-signature": "one bit of the leaf's signature is wrong",
}
"""Kinds that are made of the chain there is."""

KINDS = Vocabulary((*ISSUED, *MADE))
Kind = Annotated[str, AfterValidator(KINDS.check), choice(KINDS)]

_LARGEST = 0xFFFF
_FEWEST_TO_REORDER = 2


def _broken_order(chain: CertificateChain) -> tuple[bytes, ...]:
    """Those above the leaf turned round; where there is only one, it goes behind the leaf."""
    *above, leaf = chain.certificates
    if len(above) < _FEWEST_TO_REORDER:
        return (leaf, *above)
    return (*reversed(above), leaf)


def _oversize(chain: CertificateChain) -> tuple[bytes, ...]:
    """Each certificate is still issued by the one before it, as a root is by itself."""
    hash_size_and_length = 4 + 64
    room = _LARGEST - hash_size_and_length - sum(map(len, chain.certificates))
    return (*(chain.root,) * max(0, room // len(chain.root)), *chain.certificates)


def _extra(chain: CertificateChain) -> tuple[bytes, ...]:
    *above, leaf = chain.certificates
    return (*above, *above[-1:], leaf)


def _bad_signature(chain: CertificateChain) -> tuple[bytes, ...]:
    """A certificate's DER ends with its signature."""
    *above, leaf = chain.certificates
    return (*above, leaf[:-1] + bytes((leaf[-1] ^ 0x01,)))


_CERTIFICATES: dict[str, Callable[[CertificateChain], tuple[bytes, ...]]] = {
    "broken-order": _broken_order,
    "oversize": _oversize,
    "extra-certificate": _extra,
    "bad-signature": _bad_signature,
}


@effect("bad-chain", Stage.CHAIN)
class BadChain(Effect):
    """A certificate chain that is wrong in one way."""

    kind: Kind = Field(
        default="expired",
        description="; ".join(f"{kind}: {what}" for kind, what in {**ISSUED, **MADE}.items()) + ".",
    )
    slot: Annotated[int, Field(ge=0, le=SLOT_COUNT - 1)] | None = Field(
        default=None, description="The slot; null: every one that holds a chain."
    )

    def on_chain(self, hit: Hit, slot: int, chain: CertificateChain) -> CertificateChain:
        """The wrong chain; the right one where there is none of this kind."""
        if self.slot is not None and slot != self.slot:
            return chain
        made = self._made(hit, slot, chain)
        same = (made.certificates, made.root, made.key) == (
            chain.certificates,
            chain.root,
            chain.key,
        )
        if same:
            return chain
        hit.note(f"slot {slot}: {self.kind}")
        return made

    def _made(self, hit: Hit, slot: int, chain: CertificateChain) -> CertificateChain:
        if self.kind in _CERTIFICATES:
            certificates = _CERTIFICATES[self.kind](chain)
            return CertificateChain(certificates, chain.root, chain.key)
        if self.kind == "wrong-root-hash":
            return CertificateChain(chain.certificates, chain.certificates[-1], chain.key)
        variant = hit.variant(self.kind, slot)
        if variant is None:
            return chain
        if self.kind == "key-mismatch":
            return CertificateChain(chain.certificates, chain.root, variant.key)
        return variant
