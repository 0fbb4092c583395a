"""The mistakes that the doctor knows, as a careless requester makes them.

Each row: the name that the doctor must give it, and what is hashed otherwise (`Pieces` to
`Pieces`), or which steps of the key schedule are others (methods of `Careless`).
"""

import hashlib
from collections.abc import Callable
from typing import Any

from careless import Careless, Pieces
from devices import chain
from secured import HASH, SCHEME

Hashed = Callable[[Pieces], Pieces]


def sha(*data: bytes) -> bytes:
    return hashlib.sha384(b"".join(data)).digest()


def fill(message: bytes, *tail: bytes) -> bytes:
    """The padding behind a message, of which `tail` is the end."""
    return bytes(-(len(message) + sum(map(len, tail))) % 4)


def _padded(p: Pieces, *, requests: bool, replies: bool) -> Pieces:
    which = (requests, replies) * 3
    vca = tuple(m + fill(m) * pads for m, pads in zip(p.vca, which, strict=True))
    request = p.request + fill(p.request) * requests
    end = fill(p.reply, p.signature, p.proof) * replies
    signature, proof = (p.signature, p.proof + end) if p.proof else (p.signature + end, b"")
    return p.but(vca=vca, request=request, signature=signature, proof=proof)


def _headed(p: Pieces, head: Callable[[int], bytes]) -> Pieces:
    after = len(p.signature) + len(p.proof)
    return p.but(
        vca=tuple(head(len(m)) + m for m in p.vca),
        request=head(len(p.request)) + p.request,
        reply=head(len(p.reply) + after) + p.reply,
        finish=head(len(p.finish) + 48) + p.finish,
    )


def _doe(size: int) -> bytes:
    return b"\x01\0\x01\0" + ((size + 8 + 3) // 4).to_bytes(4, "little")


def _tcp(size: int) -> bytes:
    return (size + 2).to_bytes(2, "little") + b"\x01\x05"


def _opaque_cut(message: bytes, opaque: int, *, length: bool) -> bytes:
    """A key exchange's message without its opaque data, the last so many bytes."""
    return message[: -opaque - (2 if length else 0)]


def _opaque(p: Pieces, *, request: bool, reply: bool, length: bool) -> Pieces:
    # 1.2 and later: a header of 4 bytes, an element of 12 for our offer and of 8 for the answer.
    asked = _opaque_cut(p.request, 4 + 16, length=length) if request else p.request
    told = _opaque_cut(p.reply, 4 + 8, length=length) if reply else p.reply
    return p.but(request=asked, reply=told)


def _left_out(*which: int) -> Hashed:
    return lambda p: p.but(vca=tuple(m for n, m in enumerate(p.vca) if n not in which))


LEAF = chain(SCHEME)
SAID: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "digests-put-in": lambda said: said[1:2],
    "get-digests-put-in": lambda said: said[:2],
    "certificates-put-in": lambda said: said[2:],
    "everything-put-in": lambda said: said,
    "certificate-replies-put-in": lambda said: said[1::2],
}
"""What of GET_DIGESTS, DIGESTS, GET_CERTIFICATE and CERTIFICATE is put in."""

HASHED: dict[str, Hashed] = {
    "negotiation-left-out": _left_out(*range(6)),
    "version-left-out": _left_out(0, 1),
    "capabilities-left-out": _left_out(2, 3),
    "algorithms-left-out": _left_out(4, 5),
    "negotiation-requests-left-out": _left_out(0, 2, 4),
    "negotiation-replies-left-out": _left_out(1, 3, 5),
    "get-version-alone-left-out": _left_out(0),
    "version-alone-left-out": _left_out(1),
    "get-capabilities-alone-left-out": _left_out(2),
    "capabilities-alone-left-out": _left_out(3),
    "negotiate-algorithms-alone-left-out": _left_out(4),
    "algorithms-alone-left-out": _left_out(5),
    "padding-of-replies": lambda p: _padded(p, requests=False, replies=True),
    "padding-of-requests": lambda p: _padded(p, requests=True, replies=False),
    "padding": lambda p: _padded(p, requests=True, replies=True),
    "doe-headers": lambda p: _headed(p, _doe),
    "mctp-types": lambda p: _headed(p, lambda _: b"\x05"),
    "tcp-headers": lambda p: _headed(p, _tcp),
}
"""What is hashed otherwise, in either kind of session."""

BY_KEY: dict[str, Hashed] = {
    "key-exchange-left-out": lambda p: p.but(request=b""),
    "key-exchange-rsp-left-out": lambda p: p.but(reply=b""),
    "chain-not-hashed": lambda p: p.but(chain=LEAF.spdm(HASH)),
    "certificates-not-hashed": lambda p: p.but(chain=b"".join(LEAF.certificates)),
    "hash-of-certificates": lambda p: p.but(chain=sha(*LEAF.certificates)),
    "hash-of-root": lambda p: p.but(chain=sha(LEAF.root)),
    "hash-of-leaf": lambda p: p.but(chain=sha(LEAF.certificates[-1])),
    "hash-of-public-key": lambda p: p.but(chain=sha(LEAF.key.public.spki)),
    "hash-without-length": lambda p: p.but(chain=sha(LEAF.spdm(HASH)[4:])),
    "hash-of-another-slot": lambda p: p.but(chain=chain(SCHEME, 2).digest(HASH)),
    "chain-left-out": lambda p: p.but(chain=b""),
    "chain-first": lambda p: p.but(vca=(p.chain, *p.vca), chain=b""),
    "signature-left-out": lambda p: p.but(signature=b""),
    "opaque-left-out": lambda p: _opaque(p, request=True, reply=True, length=True),
    "opaque-left-out-of-request": lambda p: _opaque(p, request=True, reply=False, length=True),
    "opaque-left-out-of-reply": lambda p: _opaque(p, request=False, reply=True, length=True),
    "opaque-alone-left-out": lambda p: _opaque(p, request=True, reply=True, length=False),
    "opaque-alone-left-out-of-request": lambda p: _opaque(
        p, request=True, reply=False, length=False
    ),
    "opaque-alone-left-out-of-reply": lambda p: _opaque(p, request=False, reply=True, length=False),
    "summary-left-out": lambda p: p.but(reply=p.reply[:136] + p.reply[136 + 48 :]),
}
"""What is hashed otherwise in a session by KEY_EXCHANGE."""

BY_PSK: dict[str, Hashed] = {
    "psk-exchange-left-out": lambda p: p.but(request=b""),
    "psk-exchange-rsp-left-out": lambda p: p.but(reply=b""),
    "contexts-left-out": lambda p: p.but(
        request=p.request[:18] + p.request[50:], reply=p.reply[:12] + p.reply[44:]
    ),
}
"""What is hashed otherwise in a session by PSK_EXCHANGE: the hint has 6 bytes, contexts 32."""

IN_FINISH: dict[str, Hashed] = {
    "finish-left-out": lambda p: p.but(finish=b""),
    "exchange-proof-left-out": lambda p: p.but(proof=b""),
    "finish-with-zeros": lambda p: p.but(tail=bytes(48)),
    "finish-cut": lambda p: p.but(finish=p.finish[:4]),
    "chain-last": lambda p: p.but(chain=b"", proof=p.proof + p.chain),
    "th1-for-finish": lambda p: p.but(proof=b"", finish=b""),
}
"""What is hashed otherwise in FINISH's transcript alone."""

IN_TH2: dict[str, Hashed] = {
    "finish-rsp-left-out": lambda p: p.but(finish_reply=b""),
    "th1-for-th2": lambda p: p.but(
        proof=b"", finish=b"", finish_proof=b"", finish_reply=b"", last_proof=b""
    ),
    "finish-for-th2": lambda p: p.but(finish_proof=b"", finish_reply=b"", last_proof=b""),
    "th2-without-finish-proof": lambda p: p.but(finish_proof=b""),
    "all-proofs-left-out": lambda p: p.but(proof=b"", finish_proof=b"", last_proof=b""),
}
"""What is hashed otherwise in TH2 alone."""

Steps = dict[str, Any]


def _prefix(text: str) -> Steps:
    return {"prefix": lambda _: text.encode()}


def _other_hash(name: str) -> Steps:
    return {"name": name}


LABELS: dict[str, Steps] = {
    "prefix-spdm1-0": _prefix("spdm1.0 "),
    "prefix-spdm1-1": _prefix("spdm1.1 "),
    "prefix-spdm1-2": _prefix("spdm1.2 "),
    "prefix-spdm1-4": _prefix("spdm1.4 "),
    "prefix-tls13": _prefix("tls13 "),
    "prefix-nothing": _prefix(""),
    "prefix-SPDM": _prefix("SPDM "),
    "prefix-spdm-alone": _prefix("spdm "),
    "prefix-without-space": _prefix("spdm1.3"),
    "prefix-in-capitals": _prefix("SPDM1.3 "),
    "length-big-endian": {"length": lambda _, n: n.to_bytes(2, "big")},
    "length-left-out": {"length": lambda *_: b""},
    "labels-with-transcript": {"labelled": lambda _, t: t},
    "labels-with-hash-twice": {"labelled": lambda _, t: sha(sha(t))},
    "labels-without-transcript": {"labelled": lambda *_: b""},
    "extraction-left-out": {"handshake": lambda _, s: s},
    "secret-hashed": {"handshake": lambda c, s: Careless.handshake(c, sha(s))},
    "other-direction": {"way": lambda _: b"rsp"},
    "hash-sha-256": _other_hash("sha256"),
    "hash-sha-512": _other_hash("sha512"),
    "hash-sha3-256": _other_hash("sha3_256"),
    "hash-sha3-384": _other_hash("sha3_384"),
    "hash-sha3-512": _other_hash("sha3_512"),
}
"""Steps that show in records and in verify data, in 1.3."""

OF_KEY: dict[str, Steps] = {
    "salt-0-ones": {"salt": lambda _: b"\xff" * 48},
    "salt-0-swapped": {"handshake": lambda c, s: c.hmac(s, c.salt())},
    "secret-little-endian": {"handshake": lambda c, s: Careless.handshake(c, s[::-1])},
}
"""Steps of a shared secret."""

OF_PSK: dict[str, Steps] = {
    "salt-0-zeros": {"salt": lambda _: bytes(48)},
    "psk-with-zero": {"handshake": lambda c, s: Careless.handshake(c, s + b"\0")},
    "psk-digits": {"handshake": lambda c, s: Careless.handshake(c, s.hex().encode())},
}
"""Steps of a pre-shared key."""

PROOFS: dict[str, Steps] = {
    "proof-over-transcript": {"covered": lambda _, t: t},
    "proof-over-hash-twice": {"covered": lambda _, t: sha(sha(t))},
    "finished-key-left-out": {"finished": lambda c, h, t: c.secret(h, t)},
    "other-finished-key": {
        "finished": lambda c, h, t: c.expand(
            c.expand(h, b"rsp hs data", 0, c.labelled(t)), b"finished"
        )
    },
}
"""Steps that show in verify data alone."""

SEALED: dict[str, Steps] = {
    "key-label-swapped": {
        "key": lambda c, s: c.expand(s, b"iv", 32),
        "iv": lambda c, s: c.expand(s, b"key", 12),
    },
    "key-length-of-hash": {
        "key": lambda c, s: c.stretch(s, c.length(48) + c.prefix() + b"key", 32)
    },
    "sequence-from-one": {"sequence": 1},
    "header-not-bound": {"bound": lambda *_: b""},
    "length-not-bound": {"bound": lambda _, header: header[:4]},
}
"""Steps that show in records alone."""

OF_DATA: dict[str, Steps] = {
    "derive-left-out": {"derived": lambda _, handshake: handshake},
    "derive-hashed": {"derived": lambda c, h: c.expand(h, b"derived", 0, sha())},
    "salt-1-zeros": {"derived": lambda *_: bytes(48)},
    "master-left-out": {"master": lambda _, handshake: handshake},
    "second-extraction-empty": {"zeros": lambda _: b""},
    "handshake-keys": {"data": lambda c, s, th1, _: c.secret(c.handshake(s), th1)},
    "handshake-keys-on": {
        "data": lambda c, s, th1, _: c.secret(c.handshake(s), th1),
        "sequence": 1,
    },
}
"""Steps that show in the data's records alone."""
