"""Socket options without which a conversation spends its time waiting.

DMTF's clients send a frame in four pieces, and QEMU waits for an acknowledgement between reply
and request: with delayed acknowledgements a default run of the reference requester takes minutes
instead of a second. The kernel leaves quick-acknowledge mode by itself, so it is set anew around
every receive.
"""

import socket

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


def set_nodelay(sock: socket.socket) -> None:
    """Send every frame at once."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def rearm_quickack(sock: socket.socket) -> None:
    """Acknowledge what comes next at once."""
    if _QUICKACK is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
