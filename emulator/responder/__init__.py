"""Composes the handlers for the device."""

from emulator.responder.responder import Reply, Responder

__all__ = ["Reply", "Responder"]
