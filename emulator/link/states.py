"""All transition tables of IDE, and nothing else: of a key, and of a stream.

A *key* stands in one place: a key set, a direction and a sub-stream. A *stream* is Secure as long
as it is enabled and has a key in use for each sub-stream in both directions. The reference's page
on IDE is drawn from these tables.

Sources: PCIe Base 6.33.3 and 6.33.8 as Intel's TDX Connect TEE-IO Device Guide gives them (its
tables 4-3 to 4-5: STOP makes keys invalid, a failed check and any reset make a stream Insecure and
its keys invalid, a misrouted TLP and a PCRC error do not); tee-io-validator
`doc/ide_test/IdeKmTestCase` (keys of both sets, in any order; GO switches sets while the other
runs; STOP of either set afterwards). What no source says is marked *chosen*.
"""

from enum import Enum


class KeyState(Enum):
    """Where a key stands."""

    EMPTY = "nothing was programmed, or it was stopped"
    PROGRAMMED = "it waits for K_SET_GO"
    IN_USE = "TLPs are sent under it, or taken"
    VOID = "it was in use, and is not to be used again"


class KeyEvent(Enum):
    """What happens to a key."""

    KEY_PROG = "KEY_PROG"
    K_SET_GO = "K_SET_GO"
    K_SET_STOP = "K_SET_STOP"
    SUPERSEDED = "the other set of its place went into use"
    INVALIDATED = "the stream fell to Insecure, or its keys were taken over"
    RESET = "reset"


KEYS: dict[KeyState, dict[KeyEvent, KeyState]] = {
    KeyState.EMPTY: {
        KeyEvent.KEY_PROG: KeyState.PROGRAMMED,
        KeyEvent.SUPERSEDED: KeyState.EMPTY,
        KeyEvent.INVALIDATED: KeyState.EMPTY,
        KeyEvent.RESET: KeyState.EMPTY,
    },
    KeyState.PROGRAMMED: {
        KeyEvent.KEY_PROG: KeyState.PROGRAMMED,
        KeyEvent.K_SET_GO: KeyState.IN_USE,
        KeyEvent.K_SET_STOP: KeyState.EMPTY,
        KeyEvent.SUPERSEDED: KeyState.PROGRAMMED,
        KeyEvent.INVALIDATED: KeyState.VOID,
        KeyEvent.RESET: KeyState.EMPTY,
    },
    KeyState.IN_USE: {
        # KEY_PROG: refused with status 4, so that a running key is not pulled away. Chosen.
        KeyEvent.K_SET_GO: KeyState.IN_USE,  # chosen: said twice, it is still so
        KeyEvent.K_SET_STOP: KeyState.EMPTY,
        KeyEvent.SUPERSEDED: KeyState.VOID,
        KeyEvent.INVALIDATED: KeyState.VOID,
        KeyEvent.RESET: KeyState.EMPTY,
    },
    KeyState.VOID: {
        KeyEvent.KEY_PROG: KeyState.PROGRAMMED,
        KeyEvent.K_SET_STOP: KeyState.EMPTY,
        KeyEvent.SUPERSEDED: KeyState.VOID,
        KeyEvent.INVALIDATED: KeyState.VOID,
        KeyEvent.RESET: KeyState.EMPTY,
    },
}
"""What a key becomes by what happens to it; what is not there is refused."""


class StreamState(Enum):
    """The state of a stream; its value is what the status register says (Linux `pci_regs.h`)."""

    INSECURE = 0
    SECURE = 2


class StreamEvent(Enum):
    """What happens to a stream."""

    COMPLETE = "it is enabled, and every sub-stream has a key in use in both directions"
    INCOMPLETE = "it is disabled, or a key in use was stopped"
    CHECK_FAILED = "IDE check failed: MAC, replay, order, key set or sub-stream"
    EXHAUSTED = "an invocation counter has come to its end"
    TAKEN_OVER = "its session is over, and another one asks for it"
    SESSION_OVER = "its session is over, where the profile says `insecure`"
    RESET = "reset"
    MISROUTED = "a TLP of a stream that there is not"


STREAMS: dict[StreamState, dict[StreamEvent, StreamState]] = {
    StreamState.INSECURE: {
        StreamEvent.COMPLETE: StreamState.SECURE,
        StreamEvent.INCOMPLETE: StreamState.INSECURE,
        StreamEvent.TAKEN_OVER: StreamState.INSECURE,
        StreamEvent.SESSION_OVER: StreamState.INSECURE,
        StreamEvent.RESET: StreamState.INSECURE,
        StreamEvent.MISROUTED: StreamState.INSECURE,
    },
    StreamState.SECURE: {
        StreamEvent.COMPLETE: StreamState.SECURE,
        StreamEvent.INCOMPLETE: StreamState.INSECURE,
        StreamEvent.CHECK_FAILED: StreamState.INSECURE,
        StreamEvent.EXHAUSTED: StreamState.INSECURE,
        StreamEvent.TAKEN_OVER: StreamState.INSECURE,
        StreamEvent.SESSION_OVER: StreamState.INSECURE,
        StreamEvent.RESET: StreamState.INSECURE,
        StreamEvent.MISROUTED: StreamState.SECURE,
    },
}
"""What a stream becomes; what is not there cannot happen: nothing is checked in Insecure."""

VOIDING = {
    StreamEvent.CHECK_FAILED: KeyEvent.INVALIDATED,
    StreamEvent.EXHAUSTED: KeyEvent.INVALIDATED,
    StreamEvent.TAKEN_OVER: KeyEvent.INVALIDATED,
    StreamEvent.SESSION_OVER: KeyEvent.INVALIDATED,
    StreamEvent.RESET: KeyEvent.RESET,
}
"""What befalls all keys of a stream by what happens to the stream."""
