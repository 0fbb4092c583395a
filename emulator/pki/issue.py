"""Issuing a chain to a device: root, intermediate, and the leaf that signs SPDM messages.

In the alias model (DSP0274 'Identity provisioning') a device certificate, itself a CA with the
hardware identity, stands between the authority and the leaf. A generic leaf is an ordinary
certificate: it has none of SPDM's identifiers.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from emulator.crypto import der
from emulator.crypto.certificate import (
    OID_CMA_NAME,
    OID_DEVICE_INFO,
    OID_HARDWARE_IDENTITY,
    OID_MUTABLE_CERTIFICATE,
    OID_RESPONDER_AUTH,
)
from emulator.crypto.keys import SigningKey
from emulator.crypto.tcb import TcbInfo
from emulator.errors import PkiError
from emulator.pki import build
from emulator.pki.authority import Authority
from emulator.pki.build import Extension, Issuer
from emulator.pki.schemes import scheme

Model = Literal["device", "alias", "generic"]
"""DSP0274's certificate models."""

_MODEL_OIDS = {
    "device": (OID_HARDWARE_IDENTITY,),
    "alias": (OID_MUTABLE_CERTIFICATE,),
    "generic": (),
}


_QUICK = "ECDSA_P384"


@dataclass(frozen=True, kw_only=True)
class LeafOptions:
    """What a leaf is beyond its name and key. The defaults satisfy Linux and libspdm alike."""

    model: Model = "device"
    san_encoding: Literal["utf8", "printable"] = "utf8"
    """Linux accepts the CMA name as a UTF8String only (`drivers/pci/cma.c`)."""
    more_names: tuple[str, ...] = ()
    """Further CMA names. Linux wants each to be the right one."""
    device_info: str | None = None
    """DMTF's own otherName, `manufacturer:product:serial`."""
    key_usage: tuple[str, ...] = ("digitalSignature",)
    """None of its flags given: no extension. libspdm and Linux demand digitalSignature."""
    ekus: tuple[str, ...] = (OID_RESPONDER_AUTH,)
    """Empty: no extension, which both accept."""
    basic_constraints: bool = True
    """libspdm demands the extension from SPDM 1.3 on."""
    ca: bool = False
    spdm_oids: tuple[str, ...] | None = None
    """The DMTF SPDM extension's identifiers; None: the model's own; empty: no extension."""
    tcb_info: TcbInfo | None = None
    """DICE's TcbInfo. A key derived from a secret is derived from it too, as DICE derives its CDI
    from the firmware."""


@dataclass(frozen=True)
class IssuedChain:
    """Certificates (DER, root first) and the leaf's key."""

    certificates: tuple[bytes, ...]
    key: SigningKey
    model: str = field(default="device", kw_only=True)

    @property
    def scheme(self) -> str:
        """The leaf key's signature scheme."""
        return self.key.scheme

    @property
    def root(self) -> bytes:
        """The root certificate."""
        return self.certificates[0]

    @property
    def leaf(self) -> bytes:
        """The leaf certificate."""
        return self.certificates[-1]

    @property
    def der(self) -> bytes:
        """The certificates end to end, as a slot holds them behind its header."""
        return b"".join(self.certificates)


def issue(
    authority: Authority,
    *,
    san: str | None,
    common_name: str,
    key: SigningKey | None = None,
    secret: bytes = b"",
    not_before: datetime,
    not_after: datetime,
    options: LeafOptions | None = None,
    self_signed: bool = False,
) -> IssuedChain:
    """Issue a chain; the same arguments always give the same bytes.

    Args:
        authority: who signs.
        san: the PCIe CMA name, taken exactly as it is; None leaves it out.
        common_name: the leaf's subject.
        key: the leaf's key; without it the authority's device key, or where there is none, one
            derived from `secret`.
        secret: what keys are derived from (the leaf's, and the device's own in the alias model).
        not_before: start of the validity, timezone-aware.
        not_after: its end.
        options: what differs from a good leaf.
        self_signed: the leaf is signed by its own key and stands alone, which none should accept.

    Raises PkiError if there is neither key nor secret, or a value does not fit.
    """
    options = options or LeafOptions()
    if key is None and not secret:
        raise PkiError(f"a leaf for {common_name!r} needs a key, or a secret to derive it from")
    algorithm = scheme(authority.scheme).algorithm
    leaf_key = key or authority.device_key
    firmware = options.tcb_info.to_der() if options.tcb_info else b""
    leaf_key = leaf_key or SigningKey.derive(algorithm, b"leaf\x00" + secret + firmware)
    dates = {"not_before": not_before, "not_after": not_after}
    extensions = _extensions(san, options)
    if self_signed:
        alone = build.self_signed(build.name(common_name), leaf_key, extensions, **dates)
        return IssuedChain((alone.certificate,), leaf_key, model=options.model)
    above = [authority.root.certificate, authority.intermediate.certificate]
    issuer = authority.intermediate
    if options.model == "alias":
        # Without a secret, the leaf's private key is what only this device knows.
        material = secret or leaf_key.to_pem()
        # The device's own key may be of another kind than the leaf's; RSA takes too long to derive.
        kind = _QUICK if authority.device_key is not None else algorithm
        device_key = SigningKey.derive(kind, b"device\x00" + material)
        limits = (build.constraints(ca=True, path_length=0), build.key_usage("keyCertSign"))
        own = (*limits, build.spdm_extension(OID_HARDWARE_IDENTITY))
        subject = build.name(f"{common_name} device")
        certificate = build.certify(subject, device_key.public, issuer, own, **dates)
        above.append(certificate)
        issuer = Issuer(certificate, device_key)
    subject = build.name(common_name)
    leaf = build.certify(subject, leaf_key.public, issuer, extensions, **dates)
    return IssuedChain((*above, leaf), leaf_key, model=options.model)


def _extensions(san: str | None, options: LeafOptions) -> list[Extension]:
    made: list[Extension] = []
    if options.basic_constraints:
        made.append(build.constraints(ca=options.ca))
    if options.key_usage:
        made.append(build.key_usage(*options.key_usage))
    if options.ekus:
        made.append(build.extended_key_usage(*options.ekus))
    names = _names(san, options)
    if names:
        made.append(build.alternative_names(*names))
    oids = options.spdm_oids
    oids = _MODEL_OIDS[options.model] if oids is None else oids
    if oids:
        made.append(build.spdm_extension(*oids))
    if options.tcb_info:
        made.append(build.tcb_info(options.tcb_info))
    return made


def _names(san: str | None, options: LeafOptions) -> list[tuple[str, bytes]]:
    names: list[tuple[str, bytes]] = []
    if options.device_info is not None:
        # First, because libspdm_get_dmtf_subject_alt_name reads the first name only.
        names.append((OID_DEVICE_INFO, der.encode_text(options.device_info)))
    texts = options.more_names if san is None else (san, *options.more_names)
    encoding = options.san_encoding
    return [*names, *((OID_CMA_NAME, der.encode_text(text, encoding)) for text in texts)]
