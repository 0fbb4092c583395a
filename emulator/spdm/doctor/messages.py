"""Mistakes in which bytes of its messages a transcript has."""

from collections.abc import Callable, Iterator
from functools import partial

from emulator.crypto import hashes
from emulator.spdm.chunking import Outgoing
from emulator.spdm.codes import Code
from emulator.spdm.doctor.attempt import FINISHES, Facts, is_finish
from emulator.spdm.doctor.mistake import InTranscript
from emulator.spdm.messages import KeyExchange, KeyExchangeRsp, PskExchange, PskExchangeRsp
from emulator.spdm.session_transcript import CHAIN, SIGNATURE, VERIFY_DATA
from emulator.spdm.transcript import Entry, View
from emulator.wire import Message, annotate, encode

_WORD = 4
_REQUEST = 0x80
_LAYOUTS: dict[int, type[Message]] = {
    Code.KEY_EXCHANGE: KeyExchange,
    Code.KEY_EXCHANGE_RSP: KeyExchangeRsp,
    Code.PSK_EXCHANGE: PskExchange,
    Code.PSK_EXCHANGE_RSP: PskExchangeRsp,
}
_ENDINGS = FINISHES | {Code.FINISH_RSP, Code.PSK_FINISH_RSP}
_OPAQUE = frozenset({"opaque_length", "opaque"})
_DOE_HEADER = 8


def _code(entry: Entry) -> int:
    return entry.raw[1] if not entry.told and len(entry.raw) > 1 else 0


def _asks(entry: Entry) -> bool:
    return bool(_code(entry) & _REQUEST)


def _replies(entry: Entry) -> bool:
    return bool(_code(entry)) and not _asks(entry)


def _proves(code: int) -> bool:
    """Whether such a message ends with verify data, where the handshake is not in the clear."""
    return code in FINISHES or (code in _LAYOUTS and not code & _REQUEST)


def _whole(view: View) -> Iterator[list[Entry]]:
    """The entries of each message, with its signature and verify data."""
    message: list[Entry] = []
    for entry in view:
        if message and entry.told not in {SIGNATURE, VERIFY_DATA}:
            yield message
            message = []
        message.append(entry)
    if message:
        yield message


def _ends(facts: Facts, message: list[Entry], *, last: bool) -> bool:
    """Whether a message is there to its end, and came outside of sessions."""
    code = _code(message[0])
    if code in _ENDINGS and not facts.in_the_clear:
        return False
    proven = message[-1].told == VERIFY_DATA
    if last and _proves(code) and not proven:
        return code == Code.KEY_EXCHANGE_RSP and facts.in_the_clear
    return True


def _padded(which: Callable[[Entry], bool], facts: Facts, view: View) -> View:
    """Messages with the zeros that fill them up to a multiple of four bytes."""
    made: list[Entry] = []
    messages = list(_whole(view))
    for number, message in enumerate(messages, 1):
        made += message
        size = sum(len(entry.raw) for entry in message)
        ends = _ends(facts, message, last=number == len(messages))
        if message[0].told != CHAIN and which(message[0]) and ends:
            made.append(Entry(bytes(-size % _WORD), "padding"))
    return tuple(made)


def _headed(head: Callable[[int], bytes], facts: Facts, view: View) -> View:
    """Messages with the transport's headers before them."""
    made: list[Entry] = []
    for message in _whole(view):
        if not message[0].told:
            made.append(Entry(head(_size(facts, message)), "header"))
        made += message
    return tuple(made)


def _size(facts: Facts, message: list[Entry]) -> int:
    """The size of a message, with the verify data that may not be there yet."""
    size, code = sum(len(entry.raw) for entry in message), _code(message[0])
    if message[-1].told == VERIFY_DATA or not _proves(code):
        return size
    proves = code != Code.KEY_EXCHANGE_RSP or not facts.in_the_clear
    return size + (hashes.size(facts.hash) if proves else 0)


def _doe_header(size: int) -> bytes:
    words = (size + _DOE_HEADER + _WORD - 1) // _WORD
    return b"\x01\0\x01\0" + words.to_bytes(4, "little")


def _tcp_header(size: int) -> bytes:
    return (size + 2).to_bytes(2, "little") + b"\x01\x05"


def _cut(which: Callable[[Entry], bool], fields: frozenset[str], facts: Facts, view: View) -> View:
    """Exchanges without some of their fields."""

    def cut(entry: Entry) -> Entry:
        layout = _LAYOUTS.get(_code(entry))
        if layout is None or not which(entry):
            return entry
        shape = facts.asked if _asks(entry) else facts.replied
        spans = [one for one in annotate(layout, entry.raw, shape) if one.name in fields]
        raw = entry.raw
        for span in sorted(spans, key=lambda one: -one.start):
            raw = raw[: span.start] + raw[span.end :]
        return Entry(raw)

    return tuple(map(cut, view))


def _in_chunks(facts: Facts, view: View) -> View:
    """The exchange's reply as the CHUNK_RESPONSEs that it came in."""
    made: list[Entry] = []
    for message in _whole(view):
        size = _size(facts, message)
        if _code(message[0]) not in _LAYOUTS or _asks(message[0]) or not 0 < facts.room < size:
            made += message
            continue
        whole = b"".join(entry.raw for entry in message)
        left: Outgoing | None = Outgoing(facts.handle, whole.ljust(size, b"\0"))
        chunks = b""
        while left is not None:
            response, left = left.response(facts.version, facts.room)
            chunks += encode(response, facts.replied)
        # What is not there yet stands at the end of the last.
        made.append(Entry(chunks[: len(chunks) - size + len(whole)], "chunks"))
    return tuple(made)


def _finish_header_alone(_: Facts, view: View) -> View:
    """FINISH without what 1.4 has behind its header."""
    return tuple(Entry(entry.raw[:_WORD]) if is_finish(entry) else entry for entry in view)


def _finish_with_zeros(facts: Facts, view: View) -> View:
    """FINISH with zeros for the verify data that is still to be made."""
    zeros = Entry(bytes(hashes.size(facts.hash)), "zeros")
    last = bool(view) and is_finish(view[-1])
    return (*view, zeros) if last else view


def _anyway(_: Entry) -> bool:
    return True


ROWS = (
    InTranscript(
        "padding-of-replies",
        "your transcript has the padding behind the replies; only the messages count",
        partial(_padded, _replies),
    ),
    InTranscript(
        "padding-of-requests",
        "your transcript has the padding behind the requests; only the messages count",
        partial(_padded, _asks),
    ),
    InTranscript(
        "padding",
        "your transcript has the padding behind the messages; only the messages count",
        partial(_padded, _anyway),
    ),
    InTranscript(
        "doe-headers",
        "your transcript has the DOE headers of the messages",
        partial(_headed, _doe_header),
    ),
    InTranscript(
        "mctp-types",
        "your transcript has the MCTP message type before each message",
        partial(_headed, lambda _: b"\x05"),
    ),
    InTranscript(
        "tcp-headers",
        "your transcript has the TCP binding's header before each message",
        partial(_headed, _tcp_header),
    ),
    *(
        InTranscript(
            f"opaque{how}-left-out{where and '-' + where}",
            f"your transcript leaves out the opaque data{what} of {who}",
            partial(_cut, which, fields),
        )
        for how, what, fields in (
            ("", " and its length", _OPAQUE),
            ("-alone", ", but not its length,", frozenset({"opaque"})),
        )
        for where, who, which in (
            ("", "the exchange", _anyway),
            ("of-request", "the exchange's request", _asks),
            ("of-reply", "the exchange's reply", _replies),
        )
    ),
    InTranscript(
        "summary-left-out",
        "your transcript leaves out the measurement summary of the exchange's reply",
        partial(_cut, _replies, frozenset({"summary"})),
    ),
    InTranscript(
        "contexts-left-out",
        "your transcript leaves out the contexts of PSK_EXCHANGE and its reply",
        partial(_cut, _anyway, frozenset({"context"})),
    ),
    InTranscript(
        "chunk-headers",
        "your transcript has the exchange's reply in chunks, with the header of each",
        _in_chunks,
    ),
    InTranscript(
        "finish-cut",
        "your transcript has the first four bytes of FINISH alone",
        _finish_header_alone,
    ),
    InTranscript(
        "finish-with-zeros",
        "your transcript has FINISH with zeros for its verify data",
        _finish_with_zeros,
    ),
)
"""The mistakes in which bytes there are."""
