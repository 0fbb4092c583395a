"""Options for a requester's sessions: which to open, of what, and where their secrets go."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.output import WRONG_USE, fail
from emulator.device.tdi.interfaces import FUNCTION_MASK
from emulator.errors import EmulatorError, PkiError
from emulator.pki.requesters import requester_identity
from emulator.requester import (
    NOBODY,
    Identity,
    KeyLog,
    Offer,
    Sessions,
    for_mutual,
    for_sessions,
)
from emulator.spdm.algorithms import AEADS, DHE_GROUPS
from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.keylog import write_line

_DHE = ", ".join(row.name for row in DHE_GROUPS if row.offered)
_AEAD = ", ".join(row.name for row in AEADS if row.offered)
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|0)")

Session = Annotated[
    bool, typer.Option("--session", help="Open a session by key exchange, and measure inside it.")
]
Psk = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HINT=HEX",
        help="Open a session with this pre-shared key too; \\0 and \\xHH in the hint stand for "
        "bytes; repeatable.",
    ),
]
Dhe = Annotated[
    list[str] | None,
    typer.Option(help=f"Group of key exchanges to offer, of {_DHE}; repeatable. None: all."),
]
Aead = Annotated[
    list[str] | None,
    typer.Option(help=f"AEAD of sessions to offer, of {_AEAD}; repeatable. None: all."),
]
ClearHandshake = Annotated[
    bool,
    typer.Option("--clear-handshake", help="Offer the handshake of a key exchange in the clear."),
]
Ide = Annotated[
    bool,
    typer.Option(
        "--ide",
        help="Bring up an IDE stream in each session: keys for both ends of the link, by IDE_KM.",
    ),
]
Link = Annotated[
    str | None,
    typer.Option(
        "--link",
        metavar="HOST:PORT",
        help="Where the device's link listens (`ide.socket`), or unix:PATH: write to its memory"
        " through the IDE stream, and read it back.",
    ),
]
Tdisp = Annotated[
    bool,
    typer.Option(
        "--tdisp",
        help="Lock an interface in each session, read its report, and let it run, by TDISP.",
    ),
]
TdispFunction = Annotated[
    str,
    typer.Option(
        metavar="ID", help="The interface's FUNCTION_ID; by default that of DMTF's requester."
    ),
]
Mutual = Annotated[
    str | None,
    typer.Option(
        "--mutual",
        metavar="sample|FOLDER",
        help="Authenticate ourselves to a device that asks, by chains of the sample authority, or "
        "of the one that `certs make` wrote to this folder.",
    ),
]
Keylog = Annotated[
    Path | None,
    typer.Option("--keylog", help="Append the secrets of sessions to this file, for `show`."),
]


def wanted(
    *,
    session: bool,
    psk: Sequence[str] | None,
    ide: bool,
    link: str | None,
    tdisp: int | None,
    others: Sequence[tuple[str, object]],
) -> Sessions:
    """The sessions to open; `others`: options that say nothing without one, and their values."""
    if not session and not psk:
        for option, value in (("--ide", ide), ("--tdisp", tdisp is not None), *others):
            if value:
                fail(f"{option} takes --session or --psk, which open one", code=WRONG_USE)
    if link is not None and not ide:
        fail("--link takes --ide, which brings up the stream", code=WRONG_USE)
    keys: dict[bytes, bytes] = {}
    for text in psk or ():
        hint, key = _pre_shared(text)
        if hint in keys:
            fail(f"--psk {text}: this hint was given before", code=WRONG_USE)
        keys[hint] = key
    return Sessions(key_exchange=session, psk=keys, ide=ide, traffic=link is not None, tdisp=tdisp)


def interface(function: str, *, tdisp: bool) -> int | None:
    """The FUNCTION_ID of --tdisp-function, where --tdisp asks for its interface."""
    try:
        number = int(function, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= FUNCTION_MASK:
        fail(f"--tdisp-function {function} where 0 to {FUNCTION_MASK:#x} is right", code=WRONG_USE)
    return number if tdisp else None


def offered(
    offer: Offer,
    sessions: Sessions,
    *,
    dhe: Sequence[str] | None,
    aead: Sequence[str] | None,
    clear: bool,
) -> Offer:
    """`offer` with what the sessions need."""
    if not sessions.key_exchange and (dhe or clear):
        option = "--dhe" if dhe else "--clear-handshake"
        fail(f"{option} takes --session: a pre-shared key has no key exchange", code=WRONG_USE)
    how = Cap.KEY_EX if sessions.key_exchange else NONE
    if sessions.psk:
        how |= Cap.PSK
    if clear:
        how |= Cap.HANDSHAKE_IN_THE_CLEAR
    if not how:
        return offer
    try:
        return for_sessions(replace(offer, dhe=tuple(dhe or ()), aead=tuple(aead or ())), how)
    except EmulatorError as error:
        fail(str(error), code=WRONG_USE)


def identified(offer: Offer, mutual: str | None) -> tuple[Offer, Identity]:
    """`offer` with mutual authentication, and who we are; neither without `mutual`."""
    if mutual is None:
        return offer, NOBODY
    try:
        identity = requester_identity(None if mutual == "sample" else Path(mutual))
    except PkiError as error:
        fail(f"--mutual: {error}", code=WRONG_USE)
    return for_mutual(offer, identity), identity


def key_log(path: Path | None) -> KeyLog | None:
    """What appends to the file, which is made now, readable by its owner alone."""
    if path is None:
        return None
    try:
        path.touch(mode=0o600)
    except OSError as error:
        fail(f"--keylog {path}: {error.strerror}", code=WRONG_USE)

    def append(label: str, identifier: bytes, secret: bytes) -> None:
        with path.open("a", encoding="ascii") as file:
            file.write(write_line(label, identifier, secret))

    return append


def _pre_shared(text: str) -> tuple[bytes, bytes]:
    """Hint and key of a --psk."""
    hint, found, key = text.rpartition("=")
    try:
        secret = bytes.fromhex(key)
    except ValueError:
        secret = b""
    if not found or not secret:
        fail(f"--psk {text} where HINT=HEX is needed, HEX pairs of digits", code=WRONG_USE)
    plain = _ESCAPE.sub(lambda one: bytes.fromhex((one[1] or b"00").decode()), hint.encode())
    return plain, secret
