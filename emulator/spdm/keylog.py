"""Key logs: the secrets of sessions as text, so that a recording can be read afterwards.

One secret a line, fields apart by spaces; empty lines and lines that begin with `#` say nothing:

    LABEL IDENTIFIER SECRET

LABEL is one of `session_secrets.LABELS` or `EXPORT_MASTER`. IDENTIFIER is what made the session a
new one, in hexadecimal: the 32 random bytes of KEY_EXCHANGE, or the context of PSK_EXCHANGE, `-`
where that is empty. (Session ids come again.) SECRET is hexadecimal, as long as the hash's digest.
Keys and IVs follow from these, and so do the secrets after each KEY_UPDATE.
"""

from collections.abc import Mapping

from emulator.errors import KeyLogError
from emulator.spdm.messages import KeyExchange, PskExchange
from emulator.spdm.session_secrets import EXPORT_LABEL, LABELS

KNOWN = (*LABELS.values(), EXPORT_LABEL)
"""The labels there are."""

KeyLog = Mapping[bytes, Mapping[str, bytes]]
"""The secrets by identifier and label."""

_EMPTY = "-"
_FIELDS = 3


def identifier(request: KeyExchange | PskExchange) -> bytes:
    """What a key log calls the session that this request opens."""
    return request.random if isinstance(request, KeyExchange) else request.context


def write_line(label: str, session: bytes, secret: bytes) -> str:
    """The line of a secret, its end included."""
    return f"{label} {session.hex() or _EMPTY} {secret.hex()}\n"


def read_keylog(file: str, text: str) -> KeyLog:
    """The secrets in a key log; `file` is its name, for messages. Raises KeyLogError."""
    found: dict[bytes, dict[str, bytes]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != _FIELDS:
            raise KeyLogError(file, number, f"{len(fields)} fields where {_FIELDS} are needed")
        label, session, secret = fields
        if label not in KNOWN:
            expected = ", ".join(KNOWN)
            raise KeyLogError(file, number, f"found label {label!r}; expected one of {expected}")
        name = b"" if session == _EMPTY else _hex(file, number, session)
        found.setdefault(name, {})[label] = _hex(file, number, secret)
    return found


def _hex(file: str, number: int, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        reason = f"found {text!r}; expected pairs of hexadecimal digits"
        raise KeyLogError(file, number, reason) from error
