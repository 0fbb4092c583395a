"""Answers GET_VERSION (libspdm `library/spdm_responder_lib/libspdm_rsp_version.c`)."""

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.spdm.messages import GetVersion, VersionEntry, VersionResponse
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version
from emulator.wire import Shape


@handles(GetVersion)
def get_version(exchange: Exchange, request: GetVersion) -> Outcome:
    """List the versions, and forget all that was agreed before, what is cached too."""
    del request
    device = exchange.device

    def forget() -> None:
        device.cached = None

    entries = tuple(VersionEntry(number=version.number) for version in device.versions)
    return Outcome(
        reply=VersionResponse(version=Version.V1_0, entries=entries),
        shape=Shape(Version.V1_0),
        record=Part.A,
        restart=True,
        effects=(forget,) if device.cached else (),
    )
