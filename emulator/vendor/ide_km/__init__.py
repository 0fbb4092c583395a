"""IDE_KM: keys for the streams of a PCIe link, in a session."""

from emulator.vendor.ide_km.objects import (
    KeyProg,
    KeySetObject,
    KpAck,
    KpStatus,
    ObjectId,
    Query,
    QueryResp,
)
from emulator.vendor.ide_km.responder import IdeKm

__all__ = [
    "IdeKm",
    "KeyProg",
    "KeySetObject",
    "KpAck",
    "KpStatus",
    "ObjectId",
    "Query",
    "QueryResp",
]
