"""The DICE TcbInfo extension: what a certificate says of the firmware its key stands for.

Source: TCG 'DICE Attestation Architecture' §6.1.1, DiceTcbInfo (2.23.133.5.4.1):

    SEQUENCE { vendor [0] UTF8String, model [1] UTF8String, version [2] UTF8String,
      svn [3] INTEGER, layer [4] INTEGER, index [5] INTEGER, fwids [6] SEQUENCE OF
        SEQUENCE { hashAlg OBJECT IDENTIFIER, digest OCTET STRING }, ... }

All fields are optional and tagged implicitly. What follows the FWIDs (flags, vendorInfo, type) is
read over.
"""

from dataclasses import dataclass
from typing import Any

from emulator.crypto import der
from emulator.errors import PkiError

OID_TCB_INFO = "2.23.133.5.4.1"

HASH_OIDS = {
    "SHA_256": "2.16.840.1.101.3.4.2.1",
    "SHA_384": "2.16.840.1.101.3.4.2.2",
    "SHA_512": "2.16.840.1.101.3.4.2.3",
    "SHA3_256": "2.16.840.1.101.3.4.2.8",
    "SHA3_384": "2.16.840.1.101.3.4.2.9",
    "SHA3_512": "2.16.840.1.101.3.4.2.10",
}
"""The identifiers of hashes by the names of the algorithm table (NIST's, also in RFC 8702)."""

_HASH_NAMES = {oid: name for name, oid in HASH_OIDS.items()}

_TEXTS = ("vendor", "model", "version")
_NUMBERS = ("svn", "layer", "index")
_FWIDS = 6
_CONTEXT, _CONSTRUCTED = 0x80, 0x20
_TAG_NUMBER = 0x1F
_OCTET_STRING = 0x04


@dataclass(frozen=True)
class Fwid:
    """The digest of a piece of firmware.

    Attributes:
        hash: the hash's name in the algorithm table, or its dotted identifier if it is not there.
        digest: its digest.
    """

    hash: str
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class TcbInfo:
    """What is in the extension; None stands for a field that is not there."""

    vendor: str | None = None
    model: str | None = None
    version: str | None = None
    svn: int | None = None
    layer: int | None = None
    index: int | None = None
    fwids: tuple[Fwid, ...] = ()

    def to_der(self) -> bytes:
        """The extension's value."""
        parts = []
        for tag, name in enumerate((*_TEXTS, *_NUMBERS)):
            value = getattr(self, name)
            if value is not None:
                content = value.encode() if isinstance(value, str) else _integer(value)
                parts.append(der.encode(_CONTEXT | tag, content))
        if self.fwids:
            listed = (_fwid(one) for one in self.fwids)
            parts.append(der.encode(_CONTEXT | _CONSTRUCTED | _FWIDS, *listed))
        return der.encode(der.SEQUENCE, *parts)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; those that are not there are left out."""
        told = {name: getattr(self, name) for name in (*_TEXTS, *_NUMBERS)}
        listed = [{"hash": one.hash, "digest": one.digest.hex()} for one in self.fwids]
        return {name: value for name, value in told.items() if value is not None} | {
            "fwids": listed
        }

    def lines(self) -> list[str]:
        """The same as lines: what it is of, then one for each digest."""
        told = self.to_json()
        listed = told.pop("fwids")
        about = ", ".join(f"{name} {value}" for name, value in told.items())
        return [about or "of nothing named", *(f"{one['hash']} {one['digest']}" for one in listed)]


def read_tcb_info(value: bytes) -> TcbInfo:
    """The extension's value read. Raises PkiError naming what does not fit."""
    outer = der.read(value)
    if outer.tag != der.SEQUENCE or outer.end != len(value):
        raise PkiError("TcbInfo is not one SEQUENCE")
    found: dict[str, str | int | tuple[Fwid, ...]] = {}
    names = (*_TEXTS, *_NUMBERS)
    for element in der.children(outer.content):
        number = element.tag & _TAG_NUMBER
        if number < len(_TEXTS):
            found[names[number]] = _text(element.content, names[number])
        elif number < len(names):
            found[names[number]] = int.from_bytes(element.content, "big", signed=True)
        elif number == _FWIDS:
            found["fwids"] = tuple(_read_fwid(one) for one in der.children(element.content))
    return TcbInfo(**found)  # type: ignore[arg-type]  # each name has its own type above


def _integer(value: int) -> bytes:
    """The content of an INTEGER: the fewest bytes, two's complement."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _fwid(one: Fwid) -> bytes:
    identifier = der.encode_oid(HASH_OIDS.get(one.hash, one.hash))
    return der.encode(der.SEQUENCE, identifier, der.encode(_OCTET_STRING, one.digest))


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise PkiError(f"TcbInfo {name} is not UTF-8: {content.hex()}") from error


def _read_fwid(element: der.Element) -> Fwid:
    parts = der.children(element.content)
    if element.tag != der.SEQUENCE or [part.tag for part in parts] != [
        der.OBJECT_IDENTIFIER,
        _OCTET_STRING,
    ]:
        raise PkiError("a FWID of TcbInfo is no hash algorithm and digest")
    identifier = der.decode_oid(der.encode(parts[0].tag, parts[0].content))
    return Fwid(_HASH_NAMES.get(identifier, identifier), parts[1].content)
