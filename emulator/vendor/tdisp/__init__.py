"""TDISP: how a host locks a function, looks at it, and lets it run for a tenant."""

from emulator.vendor.tdisp.protocol import TdispProtocol

__all__ = ["TdispProtocol"]
