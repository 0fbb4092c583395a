"""Addresses, and TCP options without which a conversation spends its time waiting.

DMTF's clients send a frame in four pieces, and QEMU waits for an acknowledgement between reply
and request: with delayed acknowledgements a default run of the reference requester takes minutes
instead of a second. The kernel leaves quick-acknowledge mode by itself, so it is set anew around
every receive.
"""

import socket
from collections.abc import Callable

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only

UNIX = "unix:"
"""What a host begins with that is the path of a Unix socket; its port means nothing."""


def address(host: str, port: int) -> str:
    """An address as people write it."""
    return host if host.startswith(UNIX) else f"{host}:{port}"


def _is_tcp(sock: socket.socket) -> bool:
    return sock.family in (socket.AF_INET, socket.AF_INET6)


def set_nodelay(sock: socket.socket) -> None:
    """Send every frame at once."""
    if _is_tcp(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def quickack(sock: socket.socket) -> Callable[[], None]:
    """What to call around each receive, so that it is acknowledged at once."""
    if _QUICKACK is None or not _is_tcp(sock):
        return _nothing
    option, setsockopt, tcp = _QUICKACK, sock.setsockopt, int(socket.IPPROTO_TCP)

    def rearm() -> None:
        setsockopt(tcp, option, 1)

    return rearm


def _nothing() -> None:
    """Where there is no such option."""
